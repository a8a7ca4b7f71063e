// Makes the seeds: fuzz_seeds FOLDER writes FOLDER/TARGET/NAME. What is in tests/fuzz/corpus is its work.
#include <fmt/format.h>

#include <filesystem>
#include <string>

#include "app/weights_file.hpp"
#include "murmur/data/image_cache.hpp"
#include "murmur/engine/safetensors.hpp"
#include "murmur/layers/modules/table.hpp"
#include "murmur/pso/definitions_json.hpp"
#include "murmur/pso/search_definition.hpp"
#include "murmur/pso/searchers.hpp"
#include "murmur/pso/setting_json.hpp"
#include "tests/data/image_files.hpp"
#include "tests/fuzz/small_training.hpp"
#include "tests/support/temporary_folder.hpp"

namespace murmur::fuzz {
namespace {

using test::Bytes;

class Seeds {
 public:
  explicit Seeds(std::filesystem::path folder) : folder_(std::move(folder)) {}

  void add(const std::string& target, const std::string& name, const Bytes& bytes) const {
    test::write_file(folder_ / target / name, bytes);
  }
  void add(const std::string& target, const std::string& name, const std::string& text) const {
    add(target, name, Bytes(text.begin(), text.end()));
  }

 private:
  std::filesystem::path folder_;
};

Bytes read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

Bytes joined(const Bytes& a, const Bytes& b) {
  Bytes bytes = a;
  bytes.insert(bytes.end(), b.begin(), b.end());
  return bytes;
}

void append_little_endian(Bytes& bytes, size_t number) {
  for (int shift = 0; shift < 32; shift += 8) bytes.push_back(static_cast<uint8_t>(number >> shift & 0xff));
}

/// A data element of a MATLAB file: tag, data, padding.
Bytes mat_element(uint32_t type, const Bytes& data) {
  Bytes bytes;
  append_little_endian(bytes, type);
  append_little_endian(bytes, data.size());
  bytes.insert(bytes.end(), data.begin(), data.end());
  bytes.resize((bytes.size() + 7) / 8 * 8);
  return bytes;
}

/// A MATLAB file with the arrays X [2, 2, 3, 2] and y [2, 1], plain or packed.
Bytes mat_file(bool is_packed) {
  const std::string text = "MATLAB 5.0 MAT-file";
  Bytes bytes(text.begin(), text.end());
  bytes.resize(124, ' ');
  bytes.insert(bytes.end(), {0, 1, 'I', 'M'});
  const auto add = [&](char name, const std::vector<size_t>& shape, const Bytes& values) {
    constexpr uint32_t kUint8 = 2, kInt32 = 5, kUint32 = 6, kInt8 = 1, kMatrix = 14, kPacked = 15;
    Bytes sizes;
    for (const size_t size : shape) append_little_endian(sizes, size);
    Bytes contents = mat_element(kUint32, {9, 0, 0, 0, 0, 0, 0, 0});
    for (const Bytes& part :
         {mat_element(kInt32, sizes), mat_element(kInt8, {static_cast<uint8_t>(name)}), mat_element(kUint8, values)}) {
      contents.insert(contents.end(), part.begin(), part.end());
    }
    Bytes variable = mat_element(kMatrix, contents);
    if (is_packed) {
      uLongf size = compressBound(variable.size());
      Bytes packed(size);
      compress(packed.data(), &size, variable.data(), variable.size());
      packed.resize(size);
      variable.clear();
      append_little_endian(variable, kPacked);
      append_little_endian(variable, packed.size());
      variable.insert(variable.end(), packed.begin(), packed.end());
    }
    bytes.insert(bytes.end(), variable.begin(), variable.end());
  };
  add('X', {2, 2, 3, 2}, test::ramp(24));
  add('y', {2, 1}, {1, 10});
  return bytes;
}

void add_data_files(const Seeds& seeds) {
  const Bytes images = test::idx(0x803, {2, 3, 4}, test::ramp(24));
  seeds.add("idx", "images", images);
  seeds.add("idx", "images.gz", test::gzip(images));
  seeds.add("idx", "labels", test::idx(0x801, {5}, test::ramp(5)));
  seeds.add("idx", "floats", test::idx(0xd02, {1, 1}, test::ramp(4)));
  seeds.add("mat", "plain", mat_file(false));
  seeds.add("mat", "packed", mat_file(true));
  seeds.add("gzip", "plain", std::string("abc"));
  seeds.add("gzip", "packed", test::gzip(test::ramp(600)));
  seeds.add("gzip", "two-members", joined(test::gzip(test::noise(40)), test::gzip(test::ramp(3))));
  seeds.add("cifar", "ten", joined({128}, Bytes(2 * 3073, 3)));
  seeds.add("cifar", "hundred", joined({129}, Bytes(2 * 3074, 7)));
}

void append_chunk(Bytes& png, const std::string& type, const Bytes& data) {
  const auto append = [&png](uLong number) {
    for (int shift = 24; shift >= 0; shift -= 8) png.push_back(static_cast<uint8_t>(number >> shift & 0xff));
  };
  append(data.size());
  const size_t begin = png.size();
  png.insert(png.end(), type.begin(), type.end());
  png.insert(png.end(), data.begin(), data.end());
  append(crc32(0, png.data() + begin, static_cast<uInt>(png.size() - begin)));
}

/// A PNG file of a form that the library does not write: `rows` with a filter's byte in front of each.
Bytes rare_png(uint8_t side, uint8_t depth, uint8_t colour_type, bool is_interlaced, const Bytes& palette,
               const Bytes& rows) {
  Bytes png{0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
  append_chunk(png, "IHDR",
               {0, 0, 0, side, 0, 0, 0, side, depth, colour_type, 0, 0, static_cast<uint8_t>(is_interlaced ? 1 : 0)});
  if (!palette.empty()) {
    append_chunk(png, "PLTE", palette);
    append_chunk(png, "tRNS", {1, 2});
  }
  uLongf size = compressBound(rows.size());
  Bytes packed(size);
  compress2(packed.data(), &size, rows.data(), rows.size(), Z_BEST_COMPRESSION);
  packed.resize(size);
  append_chunk(png, "IDAT", packed);
  append_chunk(png, "IEND", {});
  return png;
}

/// A BMP file with a palette, and one with masks, 4 x 2 pixels.
Bytes rare_bmp(bool has_palette) {
  const Bytes table = has_palette ? Bytes{1, 2, 3, 0, 4, 5, 6, 0} : Bytes{0, 0xf8, 0, 0, 0xe0, 7, 0, 0, 0x1f, 0, 0, 0};
  const size_t bits = has_palette ? 8 : 16, compression = has_palette ? 0 : 3;
  Bytes bmp{'B', 'M'};
  for (const size_t number : {size_t{0}, size_t{0}, 54 + table.size(), size_t{40}, size_t{4}, size_t{2}, bits << 16 | 1,
                              compression, size_t{0}, size_t{0}, size_t{0}, size_t{has_palette ? 2u : 0u}, size_t{0}}) {
    append_little_endian(bmp, number);
  }
  return joined(joined(bmp, table), Bytes(bits, 1));
}

void append_segment(Bytes& jpeg, uint8_t marker, const Bytes& data, const Bytes& scan = {}) {
  const size_t length = data.size() + 2;
  jpeg.insert(jpeg.end(), {0xff, marker, static_cast<uint8_t>(length >> 8), static_cast<uint8_t>(length & 0xff)});
  jpeg.insert(jpeg.end(), data.begin(), data.end());
  jpeg.insert(jpeg.end(), scan.begin(), scan.end());
}

/// A JPEG file of 16 x 16 in several scans, which the library does not write: colours at half the resolution, each
/// coefficient 0 by a code of one bit.
Bytes progressive_jpeg() {
  constexpr uint8_t kQuantization = 0xdb, kFrame = 0xc2, kHuffman = 0xc4, kScan = 0xda;
  Bytes jpeg{0xff, 0xd8};
  append_segment(jpeg, kQuantization, joined({0}, Bytes(64, 1)));
  append_segment(jpeg, kFrame, {8, 0, 16, 0, 16, 3, 1, 0x22, 0, 2, 0x11, 0, 3, 0x11, 0});
  for (const uint8_t table : Bytes{0x00, 0x10}) append_segment(jpeg, kHuffman, joined({table, 1}, Bytes(16, 0)));
  append_segment(jpeg, kScan, {3, 1, 0, 2, 0, 3, 0, 0, 0, 0x01}, {0x03});  // first coefficients but for their last bit
  append_segment(jpeg, kScan, {1, 1, 0, 1, 5, 0x02}, {0x0f});              // of the grey ones five more
  append_segment(jpeg, kScan, {1, 2, 0, 1, 63, 0x00}, {0x7f});
  append_segment(jpeg, kScan, {1, 3, 0, 1, 63, 0x00}, {0x7f});
  append_segment(jpeg, kScan, {1, 1, 0, 1, 5, 0x21}, {0x0f});              // their next bits
  append_segment(jpeg, kScan, {3, 1, 0, 2, 0, 3, 0, 0, 0, 0x10}, {0xab});  // the last bits
  jpeg.insert(jpeg.end(), {0xff, 0xd9});
  return jpeg;
}

void add_images(const Seeds& seeds) {
  seeds.add("image", "rgb.png", test::png(5, 4, 3, test::ramp(60)));
  seeds.add("image", "rgba.png", test::png(3, 3, 4, test::noise(36)));
  seeds.add("image", "grey-alpha.png", test::png(2, 3, 2, test::ramp(12)));
  seeds.add("image", "palette.png",
            rare_png(4, 4, 3, false, {1, 2, 3, 4, 5, 6}, {0, 1, 0, 1, 0, 1, 2, 16, 1, 4, 0, 1}));
  seeds.add("image", "sixteen-bits.png",
            rare_png(2, 16, 4, false, {}, {1, 1, 2, 3, 4, 5, 6, 7, 8, 3, 1, 2, 3, 4, 5, 6, 7, 8}));
  seeds.add("image", "interlaced.png", rare_png(1, 8, 2, true, {}, {0, 1, 2, 3}));
  seeds.add("image", "rgb.bmp", test::bmp(3, 5, 3, test::ramp(45)));
  seeds.add("image", "palette.bmp", rare_bmp(true));
  seeds.add("image", "masks.bmp", rare_bmp(false));
  seeds.add("image", "rgb.jpg", test::jpeg(9, 10, 3, test::noise(270)));
  seeds.add("image", "scans.jpg", progressive_jpeg());
  seeds.add("image", "grey.jpg", test::jpeg(8, 8, 1, test::ramp(64)));
}

void add_cache(const Seeds& seeds, const test::TemporaryFolder& folder) {
  write_cache(folder / "cache", 0x1122334455667788, small_dataset());
  seeds.add("image_cache", "as-it-is", joined({0}, read(folder / "cache")));
  seeds.add("image_cache", "repaired", joined({1}, read(folder / "cache")));
}

void add_safetensors(const Seeds& seeds, const test::TemporaryFolder& folder) {
  SafeTensors contents;
  contents.metadata = {{"a", "text"}, {"b", "\xc3\xa9"}};
  contents.tensors.emplace("f32", Tensor::from<float>(std::vector<float>{1, 2, 3, 4, 5, 6}, {2, 3}, kCpu));
  contents.tensors.emplace("f64", Tensor::from<double>(std::vector<double>{1}, {}, kCpu));
  contents.tensors.emplace("u8", Tensor::from<uint8_t>(std::vector<uint8_t>{1, 2, 3}, {3}, kCpu));
  contents.tensors.emplace("i64", Tensor::zeros({0, 4}, DType::kI64, kCpu));
  write_safetensors(folder / "tensors", contents);
  seeds.add("safetensors", "tensors", read(folder / "tensors"));

  PopulationTrainer trainer = small_trainer();
  for (int64_t i = 0; i < kSmallNetworks; ++i) trainer.start(i, small_trial(i));
  const std::vector<EpochResult> results = trainer.run_epoch();
  SafeTensors checkpoint = trainer.checkpoint();
  checkpoint.metadata["options"] = R"({"dataset":"mnist","epochs":"3","model":"fc","set":["dropout=0.1"]})";
  app::add_history(checkpoint, {results});
  write_safetensors(folder / "checkpoint", checkpoint);
  seeds.add("checkpoint", "two-networks", read(folder / "checkpoint"));
}

void add_texts(const Seeds& seeds) {
  for (const std::string& name : model_names()) seeds.add("model", name, name);
  seeds.add("model", "residuals",
            std::string("conv4n avgpool residual4 residual6s2 dropout globalpool flatten linear"));
  for (const ModuleInfo* info : modules())
    seeds.add("model", "with-" + std::string(info->word), std::string(info->example));

  std::string all, searched;
  for (const TechniqueInfo& info : techniques()) {
    all += fmt::format("{}={}\n", info.key, format_value(info, info.off));
    searched += fmt::format("search {}\n", info.key);
  }
  seeds.add("setting", "off", all);
  seeds.add("setting", "searched", searched);
  seeds.add("setting", "on",
            std::string("dropout=0.1\noptimizer=adam\nflip=both\nbatch_size=256\nweight_noise=1e-3\n"
                        "input_noise=0.3@early:0.5\nlabel_smoothing=0.1@linear:0:1\nloss_noise=0.2@cosine:1:0\n"
                        "gradient_noise=0.1@decay:0.5\nlearning_rate=0.1@warmupcosine:0.1\n"
                        "learning_rate_schedule=-0.9\nbatch_size_schedule=0.5\n"));
  seeds.add("setting", "ranges",
            std::string("search dropout:0:0.2\nsearch learning_rate:1e-3:1e-1:log\nsearch optimizer=sgd|adam\n"
                        "search input_noise:on\nsearch weight_noise@optimizer=adam|momentum\n"
                        "search batch_size:128:512:linear\nsearch flip=off|both\n"));
  seeds.add("config", "everything",
            std::string("# a comment\nepochs = 20\nquiet = true\nmodel = \"conv32 pool flatten linear\"\nseed = 0x10\n"
                        "start = [\"off\", 'none']\n[set]\ndropout = 0.1\noptimizer = \"adam\"\n"));
  seeds.add("config", "refused", std::string("a = 1979-05-27T07:32:00Z\nb = { c = [1, 2], d.e = nan }\n[[f]]\n"));
}

void add_attributes(const Seeds& seeds) {
  const auto add = [&](const std::string& name, const nlohmann::json& value) {
    seeds.add("attribute", name, name + "\n" + value.dump());
  };
  add("search_space", SearchSpace::all().to_json());
  add("base_setting", setting_json(Setting()));
  add("definitions", definitions_json(Definitions::paper()));
  add("other", {{"a", {1, -2.5, nullptr}}, {"b", {{"c", "\u00e9\n"}}}, {"d", {false, true}}});
  for (const SearcherInfo& info : searchers()) {
    add(std::string(info.name), defining_options(info, all_options(info, nlohmann::json::object())));
  }
  seeds.add("study", "nothing", std::string());
  seeds.add(
      "study", "texts",
      std::string("a0 {}\na3 [1, 2]\na7 null\nb0 [\"seed\"]\nc5 \"7\"\nc6 [0.5, 0.5, 1]\nd0 other\ne0 MINIMIZE\n"));
  seeds.add("study", "columns",
            std::string("f1 RUNNING\nf2 WAITING\ng0 2026-01-31 12:34:56.789\nh2 7\ni0 dropout\nj1 0.25\n"
                        "k0 {\"name\": \"FloatDistribution\", \"attributes\": {\"low\": 0, \"high\": 1}}\nl0 0.5\nm1 "
                        "NAN\nn2 1e300\n"));
  seeds.add("study", "rows", std::string("c3\nl0\nn1\nj0\n"));
  seeds.add(
      "study", "attributes",
      std::string("+algorithm \"swarm\"\n+swarm {\"particles\": 4}\n+pruner {\"kind\": \"median\", \"min_epochs\": 1, "
                  "\"startup_trials\": 2}\n+baseline {\"value\": 0.5}\n+confirmation {\"trainings\": []}\n"
                  "+final_test {\"trial\": 1}\n+analysis: ablation of trial 1 {\"options\": {}}\n+runs [{}]\n"));
}

}  // namespace
}  // namespace murmur::fuzz

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: fuzz_seeds FOLDER\n");
    return 2;
  }
  const murmur::fuzz::Seeds seeds(argv[1]);
  const murmur::test::TemporaryFolder folder;
  murmur::fuzz::add_data_files(seeds);
  murmur::fuzz::add_images(seeds);
  murmur::fuzz::add_cache(seeds, folder);
  murmur::fuzz::add_safetensors(seeds, folder);
  murmur::fuzz::add_texts(seeds);
  murmur::fuzz::add_attributes(seeds);
  return 0;
}

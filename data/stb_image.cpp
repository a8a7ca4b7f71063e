// The implementation of stb_image, by itself: its warnings are its own (see CMakeLists.txt). A failed assertion of the
// library is a bad file, not the end of the program, and it gets no more memory than the file's header allows.
#include <cstdlib>

#include "murmur/data/image_memory.hpp"
#include "murmur/engine/error.hpp"

#define STBI_ASSERT(x) ((x) ? static_cast<void>(0) : throw murmur::DataError("image decoder: expected {}", #x))
#define STBI_MALLOC(num_bytes) murmur::allocate_image(num_bytes)
#define STBI_REALLOC(memory, num_bytes) murmur::reallocate_image(memory, num_bytes)
#define STBI_FREE(memory) std::free(memory)
#define STBI_FAILURE_USERMSG
#define STBI_MAX_DIMENSIONS 65535
#define STBI_NO_STDIO
#define STBI_ONLY_BMP
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STB_IMAGE_IMPLEMENTATION
#include <stb_image.h>

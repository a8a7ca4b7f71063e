// The implementation of stb_image_write, by itself: its warnings are its own (see tests/CMakeLists.txt).
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb_image_write.h>

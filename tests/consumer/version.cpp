#include <cstdio>
#include <murmur/murmur.hpp>

int main() {
  std::printf("murmur %s (%s)\n", murmur::version().data(), murmur::commit().data());
  return murmur::version().empty() ? 1 : 0;
}

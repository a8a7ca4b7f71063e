#include "app/report/assets.hpp"

// The assembler takes the files in as they are: compilers take seconds, and much memory, for a text of a megabyte.
#define MURMUR_INCLUDE_FILE(name, file)                                                                              \
  __asm__(".pushsection .rodata\n.global " #name "\n" #name ":\n.incbin \"" file "\"\n.global " #name "_end\n" #name \
          "_end:\n.byte 0\n.popsection\n")

MURMUR_INCLUDE_FILE(murmur_report_page, MURMUR_REPORT_PAGE);
MURMUR_INCLUDE_FILE(murmur_report_chart, MURMUR_REPORT_CHART);

extern "C" {
extern const char murmur_report_page[], murmur_report_page_end[];
extern const char murmur_report_chart[], murmur_report_chart_end[];
}

namespace murmur::app {

std::string_view page_template() {
  return {murmur_report_page, murmur_report_page_end};
}

std::string_view chart_script() {
  return {murmur_report_chart, murmur_report_chart_end};
}

}  // namespace murmur::app

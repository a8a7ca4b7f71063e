#pragma once

/// Defined where the address sanitizer watches this code, whichever compiler says so.
#if defined(__SANITIZE_ADDRESS__)
#define MURMUR_ADDRESS_SANITIZER
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define MURMUR_ADDRESS_SANITIZER
#endif
#endif

#pragma once

#include <string>

#include <cli/commands.h>
#include <etrt/pte.h>
#include <etrt/result.h>

namespace etrt::cli {

// The values of options. A check gives what is wrong with one, for the user, or nothing.

/// "auto", "cuda", "cuda:N", "virtual" or "virtual:N"
std::string check_device(const std::string& text);
std::string check_seed(const std::string& text);
std::string check_number(const std::string& text, int least, int most);

/// "kind:PATH" or "kind@target:PATH"
Result<PackOptions::Variant> parse_variant(const std::string& text);
std::string check_variant(const std::string& text);

/// "key=value"
Result<pte::CompileSpec> parse_compile_spec(const std::string& text);
std::string check_compile_spec(const std::string& text);

}  // namespace etrt::cli

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

/// A number of bytes, as the delegate's options take them.
std::string check_bytes(const std::string& text);
/// Shapes as etrt/options.h describes them for warm_up.
std::string check_shapes(const std::string& text);
/// A path that can stand in the delegate's list of libraries.
std::string check_library(const std::string& text);

/// "kind:PATH" or "kind@target:PATH"
Result<PackOptions::Variant> parse_variant(const std::string& text);
std::string check_variant(const std::string& text);

/// "key=value"
Result<pte::CompileSpec> parse_compile_spec(const std::string& text);
std::string check_compile_spec(const std::string& text);

}  // namespace etrt::cli

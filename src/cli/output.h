#pragma once

#include <string>

#include <nlohmann/json_fwd.hpp>

#include <etrt/result.h>

namespace etrt::cli {

/// Writes a command's result to standard output. Errors when not all of it could be written.
Status print(const std::string& text);

/// One JSON document in ASCII, so that no text from a file reaches the terminal as it is.
Status print(const nlohmann::ordered_json& document);

/// "etrt: message" on stderr, safe to show whatever the message holds.
void print_error(const std::string& message);

/// Something the user should know although the command goes on: "etrt: note: message" on stderr.
void print_note(const std::string& message);

}  // namespace etrt::cli

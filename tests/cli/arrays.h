#pragma once

// .npy files for the tests, by way of the program's own reader and writer, which npy_test.cpp checks against bytes.

#include <cstring>
#include <string>
#include <vector>

#include <cli/npy.h>
#include <cli/temporary_directory.h>

namespace etrt::cli_test {

template <class T>
std::vector<std::byte> npy_of(std::string_view type, std::vector<std::int64_t> shape, const std::vector<T>& values) {
  return cli::make_npy(type, shape, std::as_bytes(std::span(values)));
}

/// The values and the shape of a .npy file of C order; empty when it cannot be read.
template <class T>
struct Array {
  std::vector<std::int64_t> shape;
  std::vector<T> values;
  std::string type;
};

template <class T>
Array<T> array_in(const std::string& path) {
  const std::vector<std::byte> bytes = read_bytes(path);
  const auto parsed = cli::parse_npy(bytes);
  if (!parsed.ok() || parsed->element_bytes != sizeof(T)) return {};
  Array<T> array{parsed->shape, std::vector<T>(parsed->data.size() / sizeof(T)), parsed->type};
  if (!parsed->data.empty()) std::memcpy(array.values.data(), parsed->data.data(), parsed->data.size());
  return array;
}

}  // namespace etrt::cli_test

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <cstring>
#include <engines/engine_files.h>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>

#include <executorch/runtime/core/exec_aten/exec_aten.h>

#include <blob/blob_writer.h>
#include <blob/format.h>
#include <blob/metadata_json.h>
#include <cli/npy.h>
#include <support/must.h>

namespace etrt::test {
namespace {

namespace fs = std::filesystem;
using support::must;

fs::path folder() {
  const char* path = std::getenv("ETRT_ENGINES");
  return path == nullptr ? fs::path() : fs::path(path);
}

std::vector<std::byte> read(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error("cannot read " + path.string());
  const std::vector<char> bytes(std::istreambuf_iterator<char>(file), {});
  const auto* data = reinterpret_cast<const std::byte*>(bytes.data());
  return {data, data + bytes.size()};
}

std::vector<Array> read_arrays(const EngineFiles& files, bool inputs) {
  std::vector<Array> arrays;
  for (const blob::Binding& binding : files.metadata.io_bindings) {
    if (binding.is_input != inputs) continue;
    const fs::path path = folder() / (files.name + (inputs ? ".in." : ".out.") + binding.name + ".npy");
    if (!fs::exists(path)) return {};
    const auto bytes = read(path);
    const auto array = must(cli::parse_npy(bytes));
    arrays.push_back({base::find_element_type(binding.dtype),
                      {array.shape.begin(), array.shape.end()},
                      {array.data.begin(), array.data.end()}});
  }
  return arrays;
}

EngineFiles read_engine(const std::string& name) {
  EngineFiles files;
  files.name = name;
  files.plan = read(folder() / (name + ".plan"));
  const auto json = read(folder() / (name + ".json"));
  files.metadata = must(blob::metadata_from_json({reinterpret_cast<const char*>(json.data()), json.size()}));
  files.inputs = read_arrays(files, true);
  files.references = read_arrays(files, false);
  return files;
}

template <class T>
double value_at(const Array& array, std::size_t i) {
  T value;
  std::memcpy(static_cast<void*>(&value), &array.data[i * sizeof(T)], sizeof(T));
  return static_cast<double>(value);
}

double value(const Array& array, std::size_t i) {
  if (array.type->name == "float32") return value_at<float>(array, i);
  if (array.type->name == "float16") return value_at<executorch::aten::Half>(array, i);
  if (array.type->name == "int32") return value_at<std::int32_t>(array, i);
  return value_at<std::uint8_t>(array, i);
}

}  // namespace

std::vector<std::byte> EngineFiles::blob() const {
  const blob::Payload payload{std::string(blob::kVariantTensorRt), "sm_90", plan};
  return must(blob::write_blob(metadata, {}, {&payload, 1}));
}

std::vector<EngineFiles> engines() {
  std::vector<EngineFiles> all;
  if (folder().empty()) return all;
  for (const auto& entry : fs::directory_iterator(folder())) {
    if (entry.path().extension() == ".plan") all.push_back(read_engine(entry.path().stem().string()));
  }
  std::sort(all.begin(), all.end(), [](const auto& one, const auto& other) { return one.name < other.name; });
  return all;
}

EngineFiles engine(const std::string& name) {
  return read_engine(name);
}

Array largest(const blob::Binding& binding) {
  const auto& shape = binding.max_shape.empty() ? binding.shape : binding.max_shape;
  Array array{base::find_element_type(binding.dtype), {shape.begin(), shape.end()}, {}};
  std::size_t bytes = array.type->size;
  for (const std::int32_t size : array.sizes) bytes *= static_cast<std::size_t>(size);
  array.data.resize(bytes);
  return array;
}

std::string difference(const Array& found, const Array& reference, double tolerance) {
  if (found.sizes != reference.sizes) return "the shapes differ";
  const std::size_t count = reference.data.size() / reference.type->size;
  for (std::size_t i = 0; i < count; ++i) {
    const double apart = std::abs(value(found, i) - value(reference, i));
    if (!(apart <= tolerance)) return "element " + std::to_string(i) + " is off by " + std::to_string(apart);
  }
  return {};
}

}  // namespace etrt::test

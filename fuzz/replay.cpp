// Runs a fuzz target over every file of a folder and over mutations of each: truncations, flipped bits and edge values
// in place of numbers. The same ones every time, spread evenly over files too large to try every place.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

using Input = std::vector<std::uint8_t>;

/// So many places of a file are tried for each kind of mutation.
constexpr std::size_t kPlaces = 1500;

std::size_t g_runs = 0;

/// In a block of exactly its size, so that a sanitizer sees a read one past the end.
void run(const std::uint8_t* data, std::size_t size) {
  const auto block = std::make_unique<std::uint8_t[]>(size);
  if (size != 0) std::memcpy(block.get(), data, size);
  LLVMFuzzerTestOneInput(block.get(), size);
  ++g_runs;
}

std::size_t stride(std::size_t places) {
  return std::max<std::size_t>(1, places / kPlaces);
}

void run_truncations(const Input& input) {
  for (std::size_t size = 0; size < input.size(); size += stride(input.size())) run(input.data(), size);
}

void run_bit_flips(Input input) {
  const std::size_t bits = input.size() * 8;
  for (std::size_t bit = 0; bit < bits; bit += stride(bits)) {
    const auto mask = static_cast<std::uint8_t>(1U << bit % 8);
    input[bit / 8] ^= mask;
    run(input.data(), input.size());
    input[bit / 8] ^= mask;
  }
}

template <class T>
void run_edges(Input input) {
  constexpr T kMax = std::numeric_limits<T>::max();
  constexpr T kEdges[] = {0, 1, kMax / 2, kMax / 2 + 1, kMax - 15, kMax};
  const std::size_t places = input.size() / sizeof(T);
  for (std::size_t place = 0; place < places; place += stride(places * std::size(kEdges))) {
    T original;
    std::memcpy(&original, input.data() + place * sizeof(T), sizeof(T));
    for (const T edge : kEdges) {
      std::memcpy(input.data() + place * sizeof(T), &edge, sizeof(T));
      run(input.data(), input.size());
    }
    std::memcpy(input.data() + place * sizeof(T), &original, sizeof(T));
  }
}

void run_with_mutations(const Input& input) {
  run(input.data(), input.size());
  run_truncations(input);
  run_bit_flips(input);
  run_edges<std::uint32_t>(input);
  run_edges<std::uint64_t>(input);
}

Input read(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return Input(std::istreambuf_iterator<char>(file), {});
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
    return 2;
  }
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1])) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) run_with_mutations(read(file));
  std::printf("%zu files, %zu inputs\n", files.size(), g_runs);
  return files.empty() ? 1 : 0;
}

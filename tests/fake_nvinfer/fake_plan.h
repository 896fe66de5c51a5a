#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace etrt::fake {

/// What one optimization profile says of one input: smallest, preferred and largest shape, and values of a shape
/// tensor.
struct Range {
  std::vector<std::int64_t> minimum;
  std::vector<std::int64_t> preferred;
  std::vector<std::int64_t> maximum;
  std::vector<std::int64_t> minimum_values = {};
  std::vector<std::int64_t> maximum_values = {};
  std::vector<std::int64_t> preferred_values = {};
};

struct Input {
  std::string name;
  std::vector<std::int64_t> dims;  ///< -1: open, see `profiles`
  int type = 3;                    ///< nvinfer1::DataType; kINT32
  bool host = false;
  int format = 0;  ///< nvinfer1::TensorFormat
  std::vector<Range> profiles = {};
};

/// Computes a copy of input `of`, plus `add` for elements of four bytes, unless it says otherwise.
struct Output {
  std::string name;
  std::size_t of = 0;
  std::uint32_t add = 0;
  int type = 3;
  std::string alias = {};           ///< the input whose memory it is
  int reshaped_by = -1;             ///< index of the shape tensor whose values are the shape
  std::int64_t data_elements = -1;  ///< data-dependent: this many elements come out, never more than `of` has
  std::int64_t asks_extra = 0;      ///< data-dependent: bytes of memory asked for beyond those of the elements
  bool shape_of = false;            ///< on the host: the sizes of `of`
  bool records_sms = false;         ///< the SM of each block, one block an element
};

struct LogLine {
  int severity;  ///< nvinfer1::ILogger::Severity
  std::string text;
};

/// An engine of tests/fake_nvinfer. Its plan is a text behind the header of a TensorRT plan.
struct Plan {
  std::vector<Input> inputs;
  std::vector<Output> outputs;
  int profiles = 1;
  int aux_streams = 0;
  std::int64_t memory_per_element = 0;  ///< scratch bytes for each element of input 0
  std::int64_t weights = 0;
  std::int64_t streamable_weights = 0;
  std::int64_t automatic_budget = 0;
  bool holds_code = false;                ///< a version-compatible plan that brings its lean runtime
  bool needs_lean_runtime = false;        ///< one that does not
  bool shares_profiles = true;            ///< several contexts may have one
  std::vector<std::string> plugins = {};  ///< that must have been loaded
  std::vector<LogLine> log = {};          ///< said while loading
  /// What goes wrong: "engine", "budget", "context", "infer", "enqueue", "join" (of the auxiliary streams), "profile",
  /// "address", "memory", "allocator", "temporary"
  std::string failure = {};
  std::vector<int> version = {11, 1, 0, 106};
  std::string tag = "ftrt";

  std::vector<std::byte> serialize() const;
  /// Throws when the text is none.
  static Plan parse(std::span<const std::byte> bytes);
};

}  // namespace etrt::fake

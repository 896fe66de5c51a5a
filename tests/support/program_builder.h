#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace etrt::support {

/// An ExecuTorch program put together by hand, as the exporter would write it: several methods, several delegates in
/// one, operators between them, tensors labelled CUDA. Free of flatbuffers' headers, which ExecuTorch's do not go with.
struct ProgramSpec {
  using Bytes = std::vector<std::byte>;

  struct Tensor {
    std::vector<std::int32_t> sizes;
    bool cuda = false;
    bool planned = true;         ///< each in memory of its own; else the caller's
    std::uint32_t constant = 0;  ///< index of the constant it is; 0: none
    std::int8_t type = 3;        ///< ExecuTorch's number; int32
    std::int8_t cuda_device = 0;
    bool dynamic = false;       ///< the sizes are upper bounds
    bool is_state = false;      ///< planned, and the constant is what it holds at first
    std::string external = {};  ///< key of contents in a file beside the program
  };

  struct Delegate {
    std::uint32_t data;  ///< index of a segment, or of inline data
    bool is_inline = false;
    std::string id = "TensorRTBackend";
    std::vector<std::pair<std::string, std::string>> compile_specs = {};
  };

  /// Calls delegate `delegate` of the method, or the operator of that name and overload; or jumps.
  struct Step {
    std::string op = {};
    std::int32_t delegate = 0;
    std::vector<std::int32_t> args = {};
    std::string overload = "out";
    std::int32_t jump_to = -1;  ///< where to go on when value `args[0]` is false
    bool moves = false;         ///< value `args[1]` becomes value `args[0]`
  };

  struct Method {
    std::string name = "forward";
    std::vector<Tensor> tensors;
    std::vector<std::int64_t> integers = {};            ///< values behind the tensors
    std::vector<std::vector<std::int32_t>> lists = {};  ///< values behind those: of tensors, -1 for one not given
    std::vector<std::int32_t> inputs;
    std::vector<std::int32_t> outputs;
    std::vector<Delegate> delegates;
    std::vector<Step> steps;
  };

  std::vector<Method> methods;
  /// Segment 0 is for the constants.
  std::vector<Bytes> segments{{}};
  std::vector<std::uint64_t> constant_offsets{0};  ///< entry 0 is reserved
  std::vector<Bytes> inline_data = {};
  std::vector<std::pair<std::string, std::uint32_t>> named_data = {};  ///< names of segments

  /// The file. Without segments, and with `has_header` false, it is a bare flatbuffer.
  std::vector<std::byte> build(bool has_header = true) const;
};

/// A file of data beside programs (.ptd) with one tensor.
std::vector<std::byte> build_data_file(const std::string& key, const ProgramSpec::Tensor& tensor,
                                       std::span<const std::byte> data);

/// An operator that copies tensor `from` to `to`, labelled CUDA.
ProgramSpec::Step to_device(std::int32_t from, std::int32_t to);
/// An operator that copies tensor `from`, labelled CUDA, to `to`.
ProgramSpec::Step to_host(std::int32_t from, std::int32_t to);

}  // namespace etrt::support

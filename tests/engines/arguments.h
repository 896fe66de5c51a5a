#pragma once

#include <engines/engine_files.h>
#include <memory>
#include <test_tensor.h>
#include <vector>

#include <etrt/buffer.h>
#include <etrt/device.h>

namespace etrt::test {

enum class Place { kHost, kDevice };

/// The arguments of one call of an engine: inputs, then outputs at their bound, each in memory of its own.
class Arguments {
 public:
  /// Shape tensors, which TensorRT reads on the host, are there in either case.
  Arguments(const EngineFiles& files, const std::vector<Array>& inputs, const Device& device, Place place);

  std::vector<EValue*> values() const;

  /// What the outputs hold, at the shapes that the call has given them. The call's work must be over.
  std::vector<Array> outputs() const;

  /// Makes all outputs' elements others than any right answer.
  void spoil_outputs();

 private:
  struct Argument {
    Array host;
    std::unique_ptr<Buffer> buffer = nullptr;  ///< null: on the host
    std::unique_ptr<TestTensor> tensor = nullptr;
  };

  void add(Array array, bool is_output, Place place);

  Device device_;
  std::size_t input_count_;
  std::vector<Argument> arguments_;
};

}  // namespace etrt::test

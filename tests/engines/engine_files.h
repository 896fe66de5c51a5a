#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include <base/element_type.h>
#include <blob/blob.h>

namespace etrt::test {

/// An array in host memory, in C order.
struct Array {
  const base::ElementType* type = nullptr;
  std::vector<std::int32_t> sizes;
  std::vector<std::byte> data;
};

/// A real TensorRT engine, with inputs and what it has to answer for them. Read from a folder: NAME.plan, NAME.json as
/// `etrt pack --io` takes it, NAME.in.TENSOR.npy and NAME.out.TENSOR.npy.
struct EngineFiles {
  std::string name;
  std::vector<std::byte> plan;
  blob::Metadata metadata;
  std::vector<Array> inputs;      ///< empty where there are no files
  std::vector<Array> references;  ///< one for each output; empty where there are no files

  /// A blob with the engine and nothing beside it.
  std::vector<std::byte> blob() const;
};

/// The engines of the folder that ETRT_ENGINES names, by name. Empty when it names none.
std::vector<EngineFiles> engines();

/// That one of them.
EngineFiles engine(const std::string& name);

/// Memory of the size that the binding may have at most.
Array largest(const blob::Binding& binding);

/// Where the arrays differ by more than `tolerance`, or empty.
std::string difference(const Array& found, const Array& reference, double tolerance);

}  // namespace etrt::test

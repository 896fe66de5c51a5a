#pragma once

#include <string>
#include <vector>

#include <cli/program_file.h>
#include <cli/tensors.h>
#include <etrt/device.h>
#include <etrt/result.h>

namespace etrt::cli {

/// One program to measure: a method that is one call of TensorRTBackend, and inputs for it.
struct BenchCase {
  std::string name;  ///< "digits_xnnpack.pte"
  std::string io;    ///< "1+1": so many inputs and outputs
  bool labelled;     ///< the program says that its inputs and outputs are CUDA memory
  ProgramFile program;
  const pte::MethodInfo* method;
  const pte::DelegateInfo* delegate;
  Device device;
  std::vector<HostTensor> inputs;
  std::vector<HostTensor> outputs;  ///< zeros, at their upper bound
};

/// Opens a program for `device`. One that is not delegated to TensorRTBackend is packed for it, in memory; `labelled`
/// decides how. One that is comes as it is.
Result<BenchCase> open_case(const std::string& path, const Device& device, bool labelled);

/// The cases that `paths` give: a program that has to be packed comes without labels and with.
Result<std::vector<BenchCase>> open_cases(const std::vector<std::string>& paths, const Device& device);

}  // namespace etrt::cli

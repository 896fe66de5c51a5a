#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <cli/commands.h>
#include <cli/comparison.h>
#include <cli/partition_check.h>
#include <cli/program_file.h>
#include <cli/session.h>
#include <cli/side_by_side.h>
#include <cli/stream_set.h>
#include <cli/tensors.h>
#include <etrt/report.h>

namespace etrt::cli {

/// Everything one `etrt run` needs and finds.
struct Run {
  const RunOptions& options;
  ProgramFile program;
  const pte::MethodInfo* method = nullptr;
  std::optional<MappedFile> data = std::nullopt;
  std::optional<Target> target = std::nullopt;  ///< none: nothing of the method is delegated to TensorRTBackend
  bool resident = false;
  std::vector<HostTensor> inputs = {};
  StreamSet streams = {};
  std::vector<std::unique_ptr<Session>> sessions = {};
  SideBySide measured = {};
  std::vector<HostTensor> outputs = {};      ///< of the first stream
  std::vector<HostTensor> references = {};   ///< one for each output, or none
  std::vector<Comparison> comparisons = {};  ///< of the references, over all streams
  std::vector<std::string> files = {};       ///< of the outputs
  Report report = {};                        ///< after the run
  std::vector<ProgramLayers> layers = {};    ///< of the last run, when asked for
  std::vector<PartitionCheck> checks = {};   ///< one for each stream, when asked for
};

/// Where an input came from: a path, or the seed of random numbers.
std::string input_source(const Run& run, std::size_t index);

std::string to_text(const Run& run);
nlohmann::ordered_json to_json(const Run& run);

}  // namespace etrt::cli

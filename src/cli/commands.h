#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <etrt/pte.h>
#include <etrt/result.h>

namespace etrt::cli {

// The commands of etrt, each in a file of its own. They print their result to standard output; the error they return
// is what the user is told, with exit code 1. command_line.cpp fills the options.

struct DevicesOptions {
  bool json = false;
};
Status command_devices(const DevicesOptions& options);

struct InspectOptions {
  std::string file;
  bool json = false;
  std::string data;  ///< path of the program's weights; empty: none
};
Status command_inspect(const InspectOptions& options);

struct PackOptions {
  struct Variant {
    std::string kind;
    std::string target;
    std::string path;
  };

  std::string input;              ///< path of the program that gets the variants; empty: a new one is made
  std::vector<Variant> variants;  ///< in order of preference
  std::string io;                 ///< path of the I/O description; empty: none
  std::string method;             ///< of a new program, empty: "forward"; of `input`, empty: any
  std::optional<int> delegate;    ///< of `input`
  std::string output;
  bool cuda_io = false;
  bool caller_outputs = false;
  std::vector<pte::CompileSpec> compile_specs;
};
Status command_pack(const PackOptions& options);

/// Options of the delegate as the command line gives them, see etrt/options.h; empty: not given.
struct DelegateChoices {
  std::string device;
  std::string fallback;
  std::optional<int> max_inflight;
  std::string cuda_graph;
  std::optional<int> optimization_profile;
  std::string weight_streaming_budget;
  std::string device_memory_limit;
  std::string pinned_memory_limit;
  std::string warm_up;
  std::string tensorrt_library;
  std::string lean_runtime_library;
  std::vector<std::string> plugin_libraries;
  bool allow_engine_code = false;
};

struct RunOptions {
  std::string file;
  std::string method;               ///< empty: "forward", or the only one
  std::vector<std::string> inputs;  ///< paths; empty: random inputs
  std::uint64_t seed = 0;
  std::string output_dir;                  ///< empty: outputs are not written
  std::vector<std::string> expected = {};  ///< paths of references, one for each output; empty: nothing is compared
  double tolerance = 0;
  DelegateChoices delegate;  ///< without a device: what the program asks for, or "auto"
  std::optional<int> sms;
  int streams = 1;
  int iterations = 1;
  int warm_up = 0;
  bool device_resident = false;
  bool memory = false;
  bool layers = false;
  bool verify_partition = false;
  int verify_ms = 50;  ///< how long the partition is full at least
  bool json = false;
  std::string data;  ///< path of the program's weights; empty: none
};
Status command_run(const RunOptions& options);

struct BenchOptions {
  bool counts = false;
  std::vector<std::string> programs;  ///< empty: the examples this build knows
  std::string device = "virtual";
  int iterations = 0;  ///< 0: as many as the bench finds right
  bool json = false;
};
Status command_bench(const BenchOptions& options);

}  // namespace etrt::cli

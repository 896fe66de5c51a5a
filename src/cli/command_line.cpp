#include <algorithm>
#include <cstdio>
#include <iostream>
#include <memory>

#include <climits>

#include <CLI/CLI.hpp>
#include <blob/format.h>
#include <cli/command_line.h>
#include <cli/commands.h>
#include <cli/option_values.h>
#include <cli/output.h>
#include <delegate/load/options.h>
#include <etrt/version.h>

namespace etrt::cli {
namespace {

constexpr int kMaxStreams = 64;
constexpr int kMaxSms = 100'000;
constexpr int kMaxRuns = 100'000'000;
constexpr int kMaxVerifyMs = 60'000;
constexpr std::size_t kHelpColumn = 34;

/// An option for a whole number, or an optional one, within bounds.
template <class Number>
CLI::Option* add_number(CLI::App& command, const char* name, Number& value, int least, int most,
                        const char* description) {
  const auto check = [=](const std::string& text) { return check_number(text, least, most); };
  return command.add_option(name, value, description)->type_name("N")->check(check);
}

CLI::Option* add_text(CLI::App& command, const char* name, std::string& value, const char* type,
                      const char* description) {
  return command.add_option(name, value, description)->type_name(type);
}

/// An option that may be repeated, with one value each time.
CLI::Option* add_list(CLI::App& command, const char* name, std::vector<std::string>& values, const char* type,
                      const char* description) {
  return command.add_option(name, values, description)->type_name(type)->allow_extra_args(false);
}

CLI::Option* add_device(CLI::App& command, std::string& device) {
  return add_text(command, "--device", device, "NAME", "auto, cuda:N, virtual or virtual:N")->check(check_device);
}

CLI::App* add_command(CLI::App& app, const char* name, const char* description) {
  return app.add_subcommand(name, description)->group("Commands");
}

void add_json(CLI::App& command, bool& json) {
  command.add_flag("--json", json, "Print one JSON document instead of text");
}

void add_data(CLI::App& command, std::string& data) {
  add_text(command, "--data", data, "PATH", "A .ptd file with weights that the program leaves to one");
}

void add_devices(CLI::App& app, Invocation& invocation) {
  CLI::App* command = add_command(app, "devices", "List the GPUs and virtual GPUs that programs can run on");
  const auto options = std::make_shared<DevicesOptions>();
  add_json(*command, options->json);
  command->footer(
      "Examples:\n"
      "  etrt devices\n"
      "  ETRT_VGPU_SMS=8 etrt devices      a virtual GPU of 8 SMs instead of one for each core\n");
  command->callback([=, &invocation] { invocation.command = [=] { return command_devices(*options); }; });
}

void add_inspect(CLI::App& app, Invocation& invocation) {
  CLI::App* command = add_command(app, "inspect", "Show what a program holds and what of it would run here");
  const auto options = std::make_shared<InspectOptions>();
  add_text(*command, "FILE", options->file, "", "ExecuTorch program (.pte), or a bare TensorRT delegate blob")
      ->required();
  add_data(*command, options->data);
  add_json(*command, options->json);
  command->footer(
      "Host programs are loaded, to see whether they can be; nothing of the file is run. \"planned\" memory is "
      "ExecuTorch's own, \"caller's\" the application provides.\n"
      "Exit code 1 when the file is malformed.\n"
      "\nExamples:\n"
      "  etrt inspect model.pte\n"
      "  etrt inspect model.pte --json | jq '.methods[0].delegates[0].blob.chosen'\n");
  command->callback([=, &invocation] { invocation.command = [=] { return command_inspect(*options); }; });
}

/// An existing program keeps what these would say of a new one.
void check_rewrite(const PackOptions& options) {
  const std::pair<bool, const char*> for_new_ones[] = {{!options.io.empty(), "--io"},
                                                       {options.cuda_io, "--cuda-io"},
                                                       {options.caller_outputs, "--caller-outputs"},
                                                       {!options.compile_specs.empty(), "--compile-spec"}};
  for (const auto& [given, name] : for_new_ones) {
    if (given) throw CLI::ValidationError(std::string(name) + " is for a new program: FILE keeps its own");
  }
}

void finish_pack(PackOptions& options, const std::string& program, const std::vector<std::string>& variants) {
  if (!program.empty() && !variants.empty()) throw CLI::ValidationError("give --program or --variant, not both");
  if (!program.empty()) options.variants.push_back({std::string(blob::kVariantProgram), "", program});
  for (const std::string& text : variants) options.variants.push_back(*parse_variant(text));
  const bool any_program = std::any_of(options.variants.begin(), options.variants.end(),
                                       [](const auto& variant) { return variant.kind == blob::kVariantProgram; });
  if (options.variants.empty()) throw CLI::ValidationError("nothing to pack: give --program or --variant");
  if (!options.input.empty()) return check_rewrite(options);
  if (options.delegate) throw CLI::ValidationError("--delegate is for an existing program: give its path, too");
  if (!any_program && options.io.empty()) {
    throw CLI::ValidationError("an engine alone does not say what it takes and gives: describe it with --io");
  }
}

void add_pack(CLI::App& app, Invocation& invocation) {
  CLI::App* command =
      add_command(app, "pack", "Make a program for TensorRTBackend from engines and host programs, or add them to one");
  const auto options = std::make_shared<PackOptions>();
  const auto program = std::make_shared<std::string>();
  const auto variants = std::make_shared<std::vector<std::string>>();
  const auto specs = std::make_shared<std::vector<std::string>>();
  add_text(*command, "FILE", options->input, "", "Existing program to add variants to; default: a new one is made");
  add_text(*command, "--program", *program, "PATH",
           "ExecuTorch program for the virtual GPU; as --variant program:PATH");
  add_list(*command, "--variant", *variants, "KIND[@TARGET]:PATH",
           "An engine or program; repeat it, most preferred first")
      ->check(check_variant);
  add_text(*command, "--io", options->io, "PATH", "JSON file that says what the engine takes and gives");
  add_text(*command, "--method", options->method, "NAME",
           "Name of the method; default: forward, or of FILE the one that calls TensorRTBackend");
  add_number(*command, "--delegate", options->delegate, 0, INT_MAX,
             "Which delegate of FILE's method, as inspect numbers them; default: the only one for TensorRTBackend");
  command->add_flag("--cuda-io", options->cuda_io, "Label inputs and outputs as CUDA memory");
  command->add_flag("--caller-outputs", options->caller_outputs,
                    "Leave the outputs' memory to the application instead of ExecuTorch");
  add_list(*command, "--compile-spec", *specs, "KEY=VALUE", "For the delegate, such as max_inflight=2; may be repeated")
      ->check(check_compile_spec);
  add_text(*command, "-o,--output", options->output, "PATH", "The program to write; whole or not at all")->required();
  command->footer(
      "KIND is tensorrt, tensorrt_rtx or program; TARGET is free text for whoever chooses, such as sm_89.\n"
      "\nExamples:\n"
      "  etrt pack --program model.pte -o packed.pte\n"
      "  etrt pack --variant tensorrt@sm_89:model.engine --variant program:model.pte -o packed.pte\n"
      "  etrt pack --variant tensorrt:model.engine --io io.json --cuda-io -o packed.pte\n"
      "  etrt pack exported.pte --variant program:model.pte -o packed.pte\n"
      "\nio.json, needed when no program describes the inputs and outputs:\n"
      "  {\"io_bindings\": [\n"
      "    {\"name\": \"image\", \"dtype\": \"float32\", \"shape\": [-1, 1, 8, 8], \"max_shape\": [64, 1, 8, 8], "
      "\"is_input\": true},\n"
      "    {\"name\": \"logits\", \"dtype\": \"float32\", \"shape\": [-1, 10], \"max_shape\": [64, 10], "
      "\"is_input\": false}]}\n");
  command->callback([=, &invocation] {
    for (const std::string& text : *specs) options->compile_specs.push_back(*parse_compile_spec(text));
    finish_pack(*options, *program, *variants);
    invocation.command = [=] { return command_pack(*options); };
  });
}

void add_run_options(CLI::App& command, RunOptions& options) {
  add_text(command, "FILE", options.file, "", "Any ExecuTorch program (.pte)")->required();
  add_text(command, "--method", options.method, "NAME", "Method to run; default: forward, or the only one");
  add_list(command, "--input", options.inputs, "PATH", "A .npy file for each input, in order; default: random inputs");
  command.add_option("--seed", options.seed, "Seed of the random inputs; default: 0")
      ->type_name("N")
      ->check(check_seed);
  add_data(command, options.data);
  add_text(command, "--output-dir", options.output_dir, "PATH", "Write the outputs there as 0.npy, 1.npy, ...");
  add_list(command, "--expect", options.expected, "PATH",
           "A .npy file for each output, in order, to compare every stream's last outputs with; exit code 1 beyond "
           "--tolerance");
  command.add_option("--tolerance", options.tolerance, "Largest difference that --expect allows; default: 0")
      ->type_name("T")
      ->check(CLI::NonNegativeNumber);
  add_device(command, options.delegate.device);
  add_number(command, "--sms", options.sms, 1, kMaxSms, "Run inside a partition of this many SMs");
  add_number(command, "--streams", options.streams, 1, kMaxStreams,
             "Run so many copies side by side, each on a stream and thread of its own; default: 1");
  add_number(command, "--iterations", options.iterations, 1, kMaxRuns, "Timed runs on each stream; default: 1");
  add_number(command, "--warm-up", options.warm_up, 0, kMaxRuns, "Untimed runs before them; default: 0");
  command.add_flag("--device-resident", options.device_resident,
                   "Keep inputs and outputs in device memory; each run is timed until its stream is done");
  command.add_flag("--memory", options.memory, "Tell the bytes that programs hold, and what their calls cost the host");
  command.add_flag("--layers", options.layers, "Tell the time of each layer, where the engine does");
  command.add_flag("--verify-partition", options.verify_partition,
                   "With --sms: check that the program keeps to its partition");
  add_number(command, "--verify-ms", options.verify_ms, 1, kMaxVerifyMs,
             "For how long the check fills the partition at least; default: 50");
  add_json(command, options.json);
}

/// What goes to the delegate as it is.
void add_delegate_options(CLI::App& command, DelegateChoices& choices) {
  add_text(command, "--fallback", choices.fallback, "error|virtual",
           "What follows when the GPU runs none of the program's engines; default: error")
      ->check(CLI::IsMember({"error", "virtual"}));
  add_number(command, "--max-inflight", choices.max_inflight, 1, delegate::kMaxInflightLimit,
             "Executions in flight of each copy; default: 4");
  add_text(command, "--cuda-graph", choices.cuda_graph, "off|on|auto",
           "Launch calls that come back as CUDA graphs; default: auto, for engines of many launches")
      ->check(CLI::IsMember({"off", "on", "auto"}));
  add_text(command, "--warm-up-shapes", choices.warm_up, "SHAPES",
           "Shapes to run once when loading: \"15x1x8x8; 1x1x8x8\"")
      ->check(check_shapes);
  add_number(command, "--optimization-profile", choices.optimization_profile, 0, INT_MAX,
             "Use this profile of the engine alone");
  add_text(command, "--weight-streaming-budget", choices.weight_streaming_budget, "BYTES",
           "Weights to keep on the device; the rest is streamed")
      ->check(check_bytes);
  add_text(command, "--device-memory-limit", choices.device_memory_limit, "BYTES",
           "Device memory for staging, scratch and graphs; default: what there is")
      ->check(check_bytes);
  add_text(command, "--pinned-memory-limit", choices.pinned_memory_limit, "BYTES",
           "Pinned host memory for staging; default: 64 MiB, or more where one call needs it")
      ->check(check_bytes);
  add_text(command, "--tensorrt-library", choices.tensorrt_library, "PATH", "The TensorRT library to open");
  add_text(command, "--lean-runtime-library", choices.lean_runtime_library, "PATH",
           "The lean runtime of an older TensorRT, for version-compatible plans that bring none");
  add_list(command, "--plugin-library", choices.plugin_libraries, "PATH",
           "A library of TensorRT plugins that the engine needs; may be repeated")
      ->check(check_library);
  command.add_flag("--allow-engine-code", choices.allow_engine_code,
                   "Let the engine bring host code of its own; for files trusted as a program is");
}

void add_run(CLI::App& app, Invocation& invocation) {
  CLI::App* command = add_command(app, "run", "Run a program and time it");
  const auto options = std::make_shared<RunOptions>();
  add_run_options(*command, *options);
  add_delegate_options(*command, options->delegate);
  command->footer(
      "Random floats lie between 0 and 1, random integers are 0 or 1. With --sms, each of several streams gets a\n"
      "partition of its own as long as the device has SMs.\n"
      "\n--verify-partition fills every SM of the partition and runs the program beside that: if it is done before "
      "the\n"
      "SMs are free again, it ran elsewhere, and the exit code is 1. On a GPU this shows that the program as a whole\n"
      "needs the partition; kernels that leave it while others stay, as on auxiliary streams of an engine, are only\n"
      "seen on the virtual GPU, where each operation tells its core.\n"
      "\nExamples:\n"
      "  etrt run model.pte\n"
      "  etrt run model.pte --input image.npy --output-dir out\n"
      "  etrt run model.pte --device virtual --sms 1 --streams 2 --warm-up 10 --iterations 1000\n"
      "  etrt run model.pte --sms 16 --verify-partition\n"
      "  etrt run model.pte --device-resident --iterations 100 --json | jq '.streams[0].p99_us'\n");
  command->callback([=, &invocation] {
    if (options->verify_partition && !options->sms) throw CLI::ValidationError("--verify-partition needs --sms");
    invocation.command = [=] { return command_run(*options); };
  });
}

void add_bench(CLI::App& app, Invocation& invocation) {
  CLI::App* command = add_command(app, "bench", "Measure what the delegate itself costs");
  const auto options = std::make_shared<BenchOptions>();
  command->add_flag("--counts", options->counts,
                    "Count driver calls, heap allocations, host waits and bindings of one call at steady state");
  add_list(*command, "--program", options->programs, "PATH", "Program to measure; may be repeated; default: examples");
  add_device(*command, options->device);
  add_number(*command, "--iterations", options->iterations, 1, kMaxRuns, "Calls to count, or rounds to time");
  add_json(*command, options->json);
  command->footer(
      "Without --counts, times are compared within one run, the variants taking turns. A program that is not\n"
      "delegated to TensorRTBackend is packed for it first.\n"
      "\nExamples:\n"
      "  etrt bench --counts\n"
      "  etrt bench --counts --program model.pte --json\n"
      "  etrt bench --iterations 2000\n");
  command->callback([=, &invocation] { invocation.command = [=] { return command_bench(*options); }; });
}

int refuse(const CLI::App& app, const std::string& what) {
  const auto chosen = app.get_subcommands();
  print_error(what);
  std::fprintf(stderr, "      see: etrt%s%s --help\n", chosen.empty() ? "" : " ",
               chosen.empty() ? "" : chosen.front()->get_name().c_str());
  return kExitBadCommand;
}

/// Help goes to standard output and is no failure; anything else is one line and a hint.
int report(const CLI::App& app, const CLI::ParseError& error) {
  if (error.get_exit_code() != static_cast<int>(CLI::ExitCodes::Success)) return refuse(app, error.what());
  app.exit(error, std::cout, std::cerr);
  std::cout.flush();
  return std::cout ? kExitOk : kExitFailed;
}

/// What is wrong with a command line that could be taken apart; empty when nothing is.
std::string check_whole(const CLI::App& app, bool has_command) {
  const std::vector<std::string> rest = app.remaining(true);
  if (has_command) return rest.empty() ? "" : "'" + rest.front() + "' is not understood here";
  if (!rest.empty() && rest.front().starts_with('-')) return "'" + rest.front() + "' is not understood";
  std::string names;
  for (const CLI::App* command : app.get_subcommands({})) names += (names.empty() ? "" : ", ") + command->get_name();
  if (rest.empty()) return "a command is needed: " + names;
  return "'" + rest.front() + "' is no command; there are " + names;
}

}  // namespace

Invocation parse_command_line(int argc, const char* const* argv) {
  Invocation invocation;
  CLI::App app("Runs ExecuTorch programs with TensorRT engines, on GPUs and on the virtual GPU.", "etrt");
  app.get_formatter()->column_width(kHelpColumn);
  app.get_formatter()->label("SUBCOMMAND", "COMMAND");
  app.get_formatter()->label("REQUIRED", "(required)");
  app.set_help_flag("-h,--help", "Print this and exit");
  app.require_subcommand(0, 1);
  app.fallthrough();
  app.allow_extras();
  app.set_version_flag("--version", "etrt " ETRT_VERSION_STRING, "Print the version and exit");
  app.add_flag("--verbose", invocation.verbose, "Show ExecuTorch's log on stderr; with any command");
  app.footer(
      "Examples:\n"
      "  etrt devices\n"
      "  etrt pack --program model.pte -o packed.pte\n"
      "  etrt inspect packed.pte\n"
      "  etrt run packed.pte --iterations 100\n"
      "\nExit codes: 0 success, 1 the command failed, 2 the command line is wrong. etrt COMMAND --help says more.\n");
  add_devices(app, invocation);
  add_inspect(app, invocation);
  add_pack(app, invocation);
  add_run(app, invocation);
  add_bench(app, invocation);
  try {
    app.parse(argc, argv);
    const std::string wrong = check_whole(app, static_cast<bool>(invocation.command));
    if (!wrong.empty()) {
      invocation.command = nullptr;
      invocation.exit_code = refuse(app, wrong);
    }
  } catch (const CLI::ParseError& error) {
    invocation.command = nullptr;
    invocation.exit_code = report(app, error);
  }
  return invocation;
}

}  // namespace etrt::cli

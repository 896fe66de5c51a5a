// etrt run: runs a program, on one stream or several, and says how long it took.

#include <filesystem>

#include <nlohmann/json.hpp>

#include <base/format.h>
#include <base/try.h>
#include <cli/commands.h>
#include <cli/delegate_choices.h>
#include <cli/file.h>
#include <cli/output.h>
#include <cli/partition_report.h>
#include <cli/progress.h>
#include <cli/run_report.h>
#include <cli/text.h>
#include <etrt/stream_guard.h>

namespace etrt::cli {
namespace {

Error needs_delegate(const Run& run, const char* option) {
  return Error(ErrorCode::kInvalidArgument,
               base::concat(option, " needs a program delegated to TensorRTBackend; method '",
                            printable(run.method->name), "' of ", run.program.name(), " runs on the host alone"));
}

Status check_residence(Run& run) {
  for (const auto* values : {&run.method->inputs, &run.method->outputs}) {
    for (const pte::ValueInfo& value : *values) run.resident |= value.tensor.device == pte::Device::kCuda;
  }
  const bool asked = run.options.device_resident;
  run.resident |= asked;
  if (!run.resident) return {};
  const std::string why = asked ? "--device-resident" : "a program with CUDA inputs or outputs";
  if (!is_only_delegate(*run.method)) {
    return Error(ErrorCode::kNotSupported,
                 base::concat(why,
                              " needs a method of TensorRTBackend calls alone: this one also runs host code, which "
                              "cannot touch device memory"));
  }
  for (std::size_t i = 0; i < run.method->inputs.size(); ++i) {
    if (!run.method->inputs[i].tensor.planned) continue;
    return Error(ErrorCode::kNotSupported,
                 base::concat(why, " needs inputs that the caller provides: ExecuTorch copies input ", i,
                              " into memory that the program plans, and cannot read device memory"));
  }
  return {};
}

Status choose_device(Run& run) {
  const RunOptions& options = run.options;
  const pte::DelegateInfo* delegate = first_delegate(*run.method);
  if (delegate != nullptr) {
    auto target = choose_target(*delegate, options.delegate);
    if (!target.ok()) return std::move(target).error().within(run.program.name());
    run.target = std::move(target).value();
    return {};
  }
  if (const char* option = first_given(options.delegate)) return needs_delegate(run, option);
  if (options.sms) return needs_delegate(run, "--sms");
  if (options.device_resident) return needs_delegate(run, "--device-resident");
  if (options.memory) return needs_delegate(run, "--memory");
  if (options.layers) return needs_delegate(run, "--layers");
  return {};
}

Result<HostTensor> read_tensor(const std::string& path, const pte::ValueInfo& value, const std::string& where) {
  ETRT_TRY_ASSIGN(const MappedFile file, MappedFile::open(path));
  auto array = parse_npy(file.bytes());
  if (!array.ok()) return std::move(array).error().within(path);
  auto tensor = tensor_from_npy(*array, value, where);
  if (!tensor.ok()) return std::move(tensor).error().within(path);
  return tensor;
}

/// As many files as values, or none.
Status check_count(const Run& run, std::size_t given, std::size_t wanted, const char* verb, const char* value,
                   const char* option) {
  if (given == 0 || given == wanted) return {};
  return Error(ErrorCode::kInvalidArgument,
               base::concat("method '", printable(run.method->name), "' ", verb, " ", count_text(wanted, value), ", ",
                            given, " given: ", option, " once for each, in order, or not at all"));
}

Status make_inputs(Run& run) {
  const std::vector<pte::ValueInfo>& values = run.method->inputs;
  const std::vector<std::string>& paths = run.options.inputs;
  ETRT_TRY(check_count(run, paths.size(), values.size(), "takes", "input", "--input"));
  std::mt19937_64 generator(run.options.seed);
  for (std::size_t i = 0; i < values.size(); ++i) {
    const std::string where = base::concat("input ", i);
    auto tensor = paths.empty() ? random_tensor(values[i], generator, run.program.name() + ": " + where)
                                : read_tensor(paths[i], values[i], where);
    if (!tensor.ok()) return std::move(tensor).error();
    run.inputs.push_back(std::move(tensor).value());
  }
  return {};
}

cudaStream_t stream_of(const Run& run, std::size_t worker) {
  return run.target ? run.streams.streams[worker].get() : nullptr;
}

Status read_references(Run& run) {
  const std::vector<std::string>& paths = run.options.expected;
  const std::vector<pte::ValueInfo>& values = run.method->outputs;
  ETRT_TRY(check_count(run, paths.size(), values.size(), "gives", "output", "--expect"));
  for (std::size_t i = 0; i < paths.size(); ++i) {
    ETRT_TRY_ASSIGN(auto reference, read_tensor(paths[i], values[i], base::concat("output ", i)));
    run.references.push_back(std::move(reference));
  }
  return {};
}

Status compare_outputs(Run& run, const std::vector<HostTensor>& outputs) {
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    auto compared = compare(outputs[i], run.references[i], run.options.tolerance);
    if (!compared.ok()) return std::move(compared).error().within(run.options.expected[i]);
    compared->reference = run.options.expected[i];
    if (run.comparisons.size() <= i) run.comparisons.push_back(*compared);
    run.comparisons[i] = worse(run.comparisons[i], *compared);
  }
  return {};
}

/// What every stream computed last; the first one's outputs are read already.
Status compare_with_references(Run& run) {
  if (run.references.empty()) return {};
  ETRT_TRY(compare_outputs(run, run.outputs));
  for (std::size_t worker = 1; worker < run.sessions.size(); ++worker) {
    ETRT_TRY_ASSIGN(const auto outputs, run.sessions[worker]->read_outputs(stream_of(run, worker)));
    ETRT_TRY(compare_outputs(run, outputs));
  }
  return {};
}

Status load_sessions(Run& run) {
  const auto count = static_cast<std::size_t>(run.options.streams);
  if (run.target) {
    ETRT_TRY_ASSIGN(run.streams, StreamSet::create(run.target->device, run.options.streams, run.options.sms));
    if (!run.streams.note.empty()) print_note(run.streams.note);
  }
  SessionOptions options;
  options.delegate = run.options.delegate;
  if (run.target) options.delegate.device = run.target->device.name();
  if (run.resident) options.resident = run.target->device;
  if (run.data) options.data = &*run.data;
  Progress progress("loading");
  for (std::size_t i = 0; i < count; ++i) {
    // The guard says which device a CUDA label of the program means, where there is a GPU and a virtual one.
    std::optional<StreamGuard> guard;
    if (run.target) guard.emplace(stream_of(run, i));
    ETRT_TRY_ASSIGN(auto session, Session::load(run.program, *run.method, options));
    ETRT_TRY(session->set_inputs(run.inputs, stream_of(run, i)));
    run.sessions.push_back(std::move(session));
    progress.update(i + 1, count);
  }
  return {};
}

/// One call as an application makes it: on the worker's stream, until the outputs are there.
Status call(const Run& run, std::size_t worker) {
  if (!run.target) return run.sessions[worker]->execute();
  const StreamGuard guard(stream_of(run, worker));
  ETRT_TRY(run.sessions[worker]->execute());
  return run.resident ? run.streams.streams[worker].synchronize() : Status();
}

Status execute(Run& run) {
  Progress progress("running");
  const auto iterations = static_cast<std::size_t>(run.options.iterations);
  Work work;
  work.iterations = iterations;
  work.call = [&](std::size_t worker) { return call(run, worker); };
  work.prepare = [&](std::size_t worker) -> Status {
    for (int i = 0; i < run.options.warm_up; ++i) ETRT_TRY(call(run, worker));
    return {};
  };
  work.progress = [&](std::size_t done) { progress.update(done, iterations); };
  ETRT_TRY_ASSIGN(run.measured, run_side_by_side(run.sessions.size(), work));
  ETRT_TRY_ASSIGN(run.outputs, run.sessions.front()->read_outputs(stream_of(run, 0)));
  return {};
}

/// One stream after the other: the check wants the device for itself.
Status check_partitions(Run& run) {
  if (!run.options.verify_partition) return {};
  Progress progress("checking partitions");
  for (std::size_t i = 0; i < run.sessions.size(); ++i) {
    const Partition& partition = run.streams.partitions[i % run.streams.partitions.size()];
    const auto once = [&]() -> Status {
      ETRT_TRY(call(run, i));
      return run.streams.streams[i].synchronize();
    };
    ETRT_TRY_ASSIGN(auto check, check_partition(partition, once, std::chrono::milliseconds(run.options.verify_ms)));
    run.checks.push_back(std::move(check));
    progress.update(i + 1, run.sessions.size());
  }
  return {};
}

/// Before the run, which may be long.
Status make_output_directory(const std::string& path) {
  if (path.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (!error) return {};
  return Error(ErrorCode::kInvalidArgument, base::concat("cannot make the directory '", path, "': ", error.message()));
}

Status write_outputs(Run& run) {
  if (run.options.output_dir.empty()) return {};
  const std::filesystem::path directory(run.options.output_dir);
  for (std::size_t i = 0; i < run.outputs.size(); ++i) {
    run.files.push_back((directory / base::concat(i, ".npy")).string());
    ETRT_TRY(write_file(run.files.back(), npy_from_tensor(run.outputs[i])));
    const ElementType& type = *run.outputs[i].type;
    if (type.in_numpy) continue;
    print_note(base::concat("numpy has no ", type.name, ": ", run.files.back(), " holds its bits as ",
                            npy_type_text(type.npy)));
  }
  return {};
}

/// Work that nobody waited for may have failed, and no call is left to tell.
Status first_failed_run(const Report& report) {
  for (const ProgramReport& program : report.programs) {
    if (program.failures.empty()) continue;
    return Error(ErrorCode::kDriver, base::concat(program.failed_runs, " executions of ", program.engine,
                                                  " failed after they were enqueued: ", program.failures.back()));
  }
  return {};
}

}  // namespace

Status command_run(const RunOptions& options) {
  ETRT_TRY_ASSIGN(ProgramFile program, ProgramFile::open(options.file));
  Run run{options, std::move(program)};
  ETRT_TRY_ASSIGN(run.method, run.program.method(options.method));
  if (!options.data.empty()) {
    ETRT_TRY_ASSIGN(run.data, MappedFile::open(options.data));
  }
  ETRT_TRY(choose_device(run));
  ETRT_TRY(check_residence(run));
  ETRT_TRY(make_inputs(run));
  ETRT_TRY(read_references(run));
  ETRT_TRY(load_sessions(run));
  ETRT_TRY(make_output_directory(options.output_dir));
  time_layers(options.layers);
  ETRT_TRY(execute(run));
  run.report = report();
  ETRT_TRY(first_failed_run(run.report));
  ETRT_TRY(write_outputs(run));
  ETRT_TRY(compare_with_references(run));
  if (options.layers) run.layers = layer_times();
  time_layers(false);
  ETRT_TRY(check_partitions(run));
  ETRT_TRY(options.json ? print(to_json(run)) : print(to_text(run)));
  ETRT_TRY(first_difference(run.comparisons));
  return first_stray(run.checks);
}

}  // namespace etrt::cli

#include <filesystem>

#include <base/format.h>
#include <base/try.h>
#include <cli/bench_case.h>
#include <cli/file.h>
#include <cli/text.h>

namespace etrt::cli {
namespace {

Result<ProgramFile> packed(const std::string& path, bool labelled) {
  ETRT_TRY_ASSIGN(const MappedFile file, MappedFile::open(path));
  pte::WriteOptions options;
  options.outputs = pte::OutputMemory::kCaller;
  options.cuda_io = labelled;
  auto written = pte::write({{"program", "host", {file.bytes().data(), file.bytes().size()}}}, options);
  if (!written.ok()) return std::move(written).error().within(path);
  return ProgramFile::from_bytes(path, std::move(written).value());
}

Result<bool> needs_packing(const std::string& path) {
  ETRT_TRY_ASSIGN(const ProgramFile program, ProgramFile::open(path));
  ETRT_TRY_ASSIGN(const pte::MethodInfo* method, program.method(""));
  return first_delegate(*method) == nullptr;
}

bool is_labelled(const pte::MethodInfo& method) {
  return !method.inputs.empty() && method.inputs.front().tensor.device == pte::Device::kCuda;
}

Result<BenchCase> make_case(const std::string& path, ProgramFile opened, const Device& device) {
  BenchCase bench{
      std::filesystem::path(path).filename().string(), "", false, std::move(opened), nullptr, nullptr, device, {}, {}};
  ETRT_TRY_ASSIGN(bench.method, bench.program.method(""));
  bench.delegate = first_delegate(*bench.method);
  if (!is_only_delegate(*bench.method) || bench.method->delegates.size() != 1) {
    return Error(ErrorCode::kNotSupported,
                 path + " cannot be measured: its method is not one call of TensorRTBackend and nothing else");
  }
  bench.io = base::concat(bench.method->inputs.size(), "+", bench.method->outputs.size());
  bench.labelled = is_labelled(*bench.method);
  std::mt19937_64 generator(0);
  for (std::size_t i = 0; i < bench.method->inputs.size(); ++i) {
    ETRT_TRY_ASSIGN(HostTensor tensor, random_tensor(bench.method->inputs[i], generator, base::concat("input ", i)));
    bench.inputs.push_back(std::move(tensor));
  }
  for (std::size_t i = 0; i < bench.method->outputs.size(); ++i) {
    ETRT_TRY_ASSIGN(HostTensor tensor, random_tensor(bench.method->outputs[i], generator, base::concat("output ", i)));
    bench.outputs.push_back(std::move(tensor));
  }
  return bench;
}

}  // namespace

Result<BenchCase> open_case(const std::string& path, const Device& device, bool labelled) {
  ETRT_TRY_ASSIGN(const bool pack, needs_packing(path));
  auto program = pack ? packed(path, labelled) : ProgramFile::open(path);
  if (!program.ok()) return std::move(program).error();
  return make_case(path, std::move(program).value(), device);
}

Result<std::vector<BenchCase>> open_cases(const std::vector<std::string>& paths, const Device& device) {
  std::vector<BenchCase> cases;
  for (const std::string& path : paths) {
    ETRT_TRY_ASSIGN(BenchCase plain, open_case(path, device, false));
    cases.push_back(std::move(plain));
    ETRT_TRY_ASSIGN(const bool pack, needs_packing(path));
    if (!pack) continue;
    ETRT_TRY_ASSIGN(BenchCase labelled, open_case(path, device, true));
    cases.push_back(std::move(labelled));
  }
  return cases;
}

}  // namespace etrt::cli

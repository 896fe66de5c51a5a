#include <module_fixture.h>

#include <executorch/extension/data_loader/buffer_data_loader.h>
#include <executorch/extension/tensor/tensor.h>

#include <etrt/options.h>

namespace etrt::test {

namespace et = executorch::runtime;

std::vector<std::byte> ModuleTest::adding(std::uint32_t add, std::vector<std::int32_t> sizes) const {
  KernelPlan plan = KernelPlan::fixed(1, std::move(sizes));
  plan.outputs[0].add = add;
  return blob_of(plan);
}

std::unique_ptr<ModuleTest::Module> ModuleTest::load_module(const std::vector<std::byte>& program) const {
  auto loader = std::make_unique<executorch::extension::BufferDataLoader>(program.data(), program.size());
  auto module = std::make_unique<Module>(std::move(loader));
  et::BackendOptions<1> options;
  options.set_option(kOptionDevice, GetParam().c_str());
  et::LoadBackendOptionsMap map;
  EXPECT_EQ(map.set_options(kBackendId, options.view()), et::Error::Ok);
  EXPECT_EQ(module->load(map, et::Program::Verification::InternalConsistency), et::Error::Ok);
  const auto methods = module->method_names();
  if (!methods.ok()) return module;
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  for (const std::string& method : *methods) EXPECT_EQ(module->load_method(method), et::Error::Ok) << method;
  return module;
}

std::vector<std::int32_t> ModuleTest::ints_of(const et::EValue& value) {
  const auto& tensor = value.toTensor();
  return {tensor.const_data_ptr<std::int32_t>(), tensor.const_data_ptr<std::int32_t>() + tensor.numel()};
}

std::vector<std::int32_t> ModuleTest::run(Module& module, std::int32_t value, const std::string& method) {
  const auto input = executorch::extension::make_tensor_ptr({16}, std::vector<std::int32_t>(16, value));
  const auto outputs = module.execute(method, *input);
  EXPECT_TRUE(outputs.ok()) << et::to_string(outputs.error());
  return outputs.ok() ? ints_of(outputs->at(0)) : std::vector<std::int32_t>();
}

}  // namespace etrt::test

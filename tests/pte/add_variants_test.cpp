// Existing programs that are given further things to run. No ExecuTorch header may come in here: the flatbuffers
// headers do not go with them.
#include <cstring>
#include <program_generated.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <blob/blob.h>
#include <blob/blob_writer.h>
#include <etrt/pte.h>
#include <pte/program_files.h>
#include <support/program_builder.h>

namespace etrt::pte {
namespace {

namespace fb = etrt_pte_schema;
using namespace testing;
using support::ProgramSpec;
using ::testing::HasSubstr;

std::span<const std::byte> span_of(Bytes bytes) {
  return {static_cast<const std::byte*>(bytes.data), bytes.size};
}

Image to_vector(Bytes bytes) {
  const auto span = span_of(bytes);
  return {span.begin(), span.end()};
}

Image add_or_fail(const Image& pte, const std::vector<Payload>& payloads, const DelegateChoice& choice = {}) {
  auto added = add_variants(pte, payloads, choice);
  EXPECT_TRUE(added.ok()) << (added.ok() ? "" : added.error().message());
  return added.ok() ? *std::move(added) : Image();
}

std::string error_of(const Image& pte, const std::vector<Payload>& payloads, const DelegateChoice& choice = {}) {
  const auto added = add_variants(pte, payloads, choice);
  return added.ok() ? "no error" : added.error().message();
}

DelegateInfo delegate_of(const Image& pte, std::size_t method = 0, std::size_t delegate = 0) {
  const auto info = inspect(pte);
  EXPECT_TRUE(info.ok()) << (info.ok() ? "" : info.error().message());
  return info.ok() ? info->methods.at(method).delegates.at(delegate) : DelegateInfo();
}

/// Kind, target and bytes of each payload of a delegate, in order of preference.
std::vector<std::tuple<std::string, std::string, Image>> payloads_of(const DelegateInfo& delegate) {
  std::vector<std::tuple<std::string, std::string, Image>> payloads;
  const auto blob = blob::BlobView::parse(span_of(delegate.data));
  EXPECT_TRUE(blob.ok()) << (blob.ok() ? "" : blob.error().message());
  if (!blob.ok()) return payloads;
  for (const auto& variant : blob->candidates()) {
    const auto bytes = blob->payload(variant);
    payloads.emplace_back(variant.kind, variant.target, Image(bytes.begin(), bytes.end()));
  }
  return payloads;
}

/// The blob of an engine that takes and gives one tensor, of which it says nothing.
Image blob_named(const std::string& engine) {
  blob::Metadata metadata;
  metadata.io_bindings = {{.name = "x"}, {.name = "y", .is_input = false}};
  metadata.target_platform = "linux_x86_64";
  return *blob::write_blob(metadata, to_image(engine));
}

/// A method that hands one int32 tensor to each of `delegates` in turn.
ProgramSpec::Method method_of(std::string name, std::vector<ProgramSpec::Delegate> delegates) {
  ProgramSpec::Method method;
  method.name = std::move(name);
  method.tensors.assign(delegates.size() + 1, {.sizes = {8}});
  method.inputs = {0};
  method.outputs = {static_cast<std::int32_t>(delegates.size())};
  for (std::int32_t i = 0; i < method.outputs[0]; ++i) {
    method.steps.push_back({.delegate = i, .args = {i, i + 1}});
  }
  method.delegates = std::move(delegates);
  return method;
}

/// Constants, two methods, delegates of two backends, shared data, named data.
ProgramSpec rich_program() {
  ProgramSpec program;
  program.methods = {
      method_of("forward", {{.data = 1, .compile_specs = {{"target_device", "cuda:0"}}}, {.data = 2, .id = "Other"}}),
      method_of("second", {{.data = 1}, {.data = 4}})};
  program.methods[0].tensors.push_back({.sizes = {4}, .constant = 1});
  program.methods[0].tensors.push_back({.sizes = {4}, .cuda = true});
  program.segments = {to_image("constant bytes.."), blob_named("first engine"), to_image("what Other needs"),
                      to_image("named bytes"), blob_named("second engine")};
  program.constant_offsets = {0, 0};
  program.named_data = {{"weights", 3}};
  return program;
}

const Payload kEngine{"tensorrt", "sm_90", Bytes("ftrt engine", 11)};

TEST(AddVariants, AppendsToWhatTheDelegateHasAndKeepsItsEngineInItsPlace) {
  const Image before = read_file(test_data("digits_tensorrt_rtx_cuda_io.pte"));
  const Image host = read_file(example("digits_xnnpack.pte"));
  const Image after = add_or_fail(before, {{"program", "host", host}, kEngine});
  const auto engine = blob::BlobView::parse(span_of(delegate_of(before).data))->engine();
  const auto payloads = payloads_of(delegate_of(after));
  ASSERT_EQ(payloads.size(), 3U);
  EXPECT_EQ(payloads[0], std::tuple("", "linux_x86_64", Image(engine.begin(), engine.end())));
  EXPECT_EQ(payloads[1], std::tuple("program", "host", host));
  EXPECT_EQ(payloads[2], std::tuple("tensorrt", "sm_90", to_image("ftrt engine")));
  const auto view = blob::BlobView::parse(span_of(delegate_of(after).data));
  EXPECT_TRUE(std::equal(engine.begin(), engine.end(), view->engine().begin(), view->engine().end()));
}

TEST(AddVariants, OfAHostProgramAloneAnEngineTakesTheMainPlace) {
  const Image before = write_or_fail({{"program", "host", read_file(example("digits_portable.pte"))}});
  const Image after = add_or_fail(before, {kEngine});
  const auto view = blob::BlobView::parse(span_of(delegate_of(after).data));
  ASSERT_TRUE(view.ok());
  EXPECT_EQ(to_text(view->engine()), "ftrt engine");
  EXPECT_EQ(view->variants().at(0).kind, "program") << "and stays behind the program in preference";
}

TEST(AddVariants, KeepsAllElseOfTheProgram) {
  const Image before = rich_program().build();
  const Image after = add_or_fail(before, {kEngine}, {"second", 1});
  const auto old_info = inspect(before);
  const auto info = inspect(after);
  ASSERT_TRUE(old_info.ok() && info.ok());
  ASSERT_EQ(info->methods.size(), 2U);
  for (std::size_t m = 0; m < 2; ++m) {
    EXPECT_EQ(info->methods[m].name, old_info->methods[m].name);
    EXPECT_EQ(info->methods[m].planned_buffers, old_info->methods[m].planned_buffers);
    EXPECT_EQ(info->methods[m].instructions, old_info->methods[m].instructions);
  }
  EXPECT_EQ(info->methods[0].delegates[0].compile_specs.at(0).value, "cuda:0");
  EXPECT_EQ(to_vector(info->methods[0].delegates[0].data), blob_named("first engine"));
  EXPECT_EQ(to_vector(info->methods[0].delegates[1].data), to_image("what Other needs"));
  EXPECT_EQ(to_vector(info->methods[1].delegates[0].data), blob_named("first engine"));
}

/// Segment `index` of a program with a header.
Image segment_of(const Image& pte, std::uint32_t index) {
  std::uint64_t base = 0;
  std::memcpy(&base, pte.data() + 24, sizeof(base));
  const auto* segment = fb::GetProgram(pte.data())->segments()->Get(index);
  const auto begin = pte.begin() + static_cast<std::ptrdiff_t>(base + segment->offset());
  return {begin, begin + static_cast<std::ptrdiff_t>(segment->size())};
}

TEST(AddVariants, KeepsConstantsNamedDataAndLabels) {
  const Image after = add_or_fail(rich_program().build(), {kEngine}, {"forward", 0});
  const fb::Program& program = *fb::GetProgram(after.data());
  EXPECT_EQ(segment_of(after, program.constant_segment()->segment_index()), to_image("constant bytes.."));
  EXPECT_EQ(program.constant_segment()->offsets()->size(), 2U);
  EXPECT_EQ(program.named_data()->Get(0)->key()->str(), "weights");
  EXPECT_EQ(segment_of(after, program.named_data()->Get(0)->segment_index()), to_image("named bytes"));
  const auto* plan = program.execution_plan()->Get(0);
  EXPECT_EQ(plan->non_const_buffer_device()->Get(0)->device_type(), fb::DeviceType::CUDA);
  EXPECT_EQ(plan->values()->Get(4)->val_as_Tensor()->extra_tensor_info()->device_type(), fb::DeviceType::CUDA);
}

TEST(AddVariants, LeavesAnotherDelegateOfTheSameDataAsItIs) {
  const Image before = rich_program().build();
  const Image after = add_or_fail(before, {kEngine}, {"second", 0});
  EXPECT_EQ(payloads_of(delegate_of(after, 1, 0)).size(), 2U);
  EXPECT_EQ(payloads_of(delegate_of(after, 0, 0)).size(), 1U);
  EXPECT_EQ(inspect(after)->segments, inspect(before)->segments + 1);
}

TEST(AddVariants, LeavesNoOldDataBehind) {
  Image blob = blob_named(std::string(100000, 'e'));
  ProgramSpec program;
  program.methods = {method_of("forward", {{.data = 1}})};
  program.segments = {{}, blob};
  const Image before = program.build();
  EXPECT_LT(add_or_fail(before, {kEngine}).size(), before.size() + 2000);
}

TEST(AddVariants, MayBeRepeated) {
  Image pte = rich_program().build();
  for (std::size_t i = 1; i <= 5; ++i) {
    pte = add_or_fail(pte, {kEngine}, {"second", 1});
    pte = add_or_fail(pte, {kEngine}, {"forward", 0});
    EXPECT_EQ(payloads_of(delegate_of(pte, 1, 1)).size(), 1 + i);
    EXPECT_EQ(payloads_of(delegate_of(pte, 0, 0)).size(), 1 + i);
  }
}

TEST(AddVariants, KeepsSegmentsAsAlignedAsTheyWere) {
  const Image after = add_or_fail(read_file(test_data("digits_tensorrt_rtx_cuda_io.pte")),
                                  {{"program", "host", read_file(example("digits_xnnpack.pte"))}});
  EXPECT_EQ(delegate_of(after).offset % 128, 0U);
}

TEST(AddVariants, MovesInlineDataToASegmentAlsoWithoutAHeader) {
  for (const bool has_header : {true, false}) {
    ProgramSpec program;
    program.methods = {method_of("forward", {{.data = 0, .is_inline = true}})};
    program.segments.clear();
    program.inline_data = {blob_named("inline engine")};
    const Image before = program.build(has_header);
    EXPECT_EQ(delegate_of(before).segment, DelegateInfo::kInline);
    const Image rewritten = add_or_fail(before, {kEngine});
    const DelegateInfo after = delegate_of(rewritten);
    EXPECT_EQ(after.segment, 0);
    EXPECT_EQ(after.offset % 128, 0U);
    EXPECT_EQ(payloads_of(after).size(), 2U);
  }
}

TEST(AddVariants, AsksWhichDelegateWhenTheFileLeavesItOpen) {
  const Image pte = rich_program().build();
  const std::string open = error_of(pte, {kEngine});
  EXPECT_THAT(open, HasSubstr("is open between 3"));
  EXPECT_THAT(open,
              HasSubstr("delegate 0 of method forward, delegate 0 of method second, delegate 1 of method second"));
  EXPECT_THAT(error_of(pte, {kEngine}, {"second", {}}), HasSubstr("is open between 2"));
  EXPECT_EQ(error_of(pte, {kEngine}, {"forward", {}}), "no error") << "the other backend's does not count";
}

TEST(AddVariants, SaysWhenThereIsNoSuchDelegate) {
  const Image pte = rich_program().build();
  EXPECT_THAT(error_of(pte, {kEngine}, {"forward", 1}), HasSubstr("in method forward, number 1; it has"));
  EXPECT_THAT(error_of(pte, {kEngine}, {"third", {}}), HasSubstr("in method third; it has"));
  EXPECT_THAT(error_of(read_file(example("digits_xnnpack.pte")), {kEngine}),
              HasSubstr("no method of the program has a delegate for TensorRTBackend"));
}

TEST(AddVariants, RefusesAProgramThatDoesNotFitTheBindings) {
  const Image digits = read_file(test_data("digits_tensorrt_rtx_cuda_io.pte"));
  const auto why_not = [&](const char* program) {
    return error_of(digits, {{"program", "host", read_file(test_data(program))}});
  };
  EXPECT_THAT(why_not("programs/eight_io.pte"), HasSubstr("asked for 1 inputs, the program has 8"));
  EXPECT_THAT(why_not("programs/types_int32.pte"), HasSubstr("asked for float32, the program has int32"));
  EXPECT_THAT(why_not("programs/types_float32.pte"), HasSubstr("asked for 4 dimensions, the program has 1"));
  EXPECT_THAT(why_not("programs/types_float32.pte"), HasSubstr("delegate 0 of method forward: payload 0: "));
  EXPECT_THAT(error_of(digits, {{"program", "host", digits}}), HasSubstr("itself a program for TensorRTBackend"));
  const Image larger = write_or_fail({{"", "", to_image("engine")}}, with_io(kDigitsIo));
  EXPECT_THAT(error_of(larger, {{"program", "host", read_file(example("digits_xnnpack.pte"))}}),
              HasSubstr("is asked to go up to 64, the program's bound is 15"));
}

TEST(AddVariants, RefusesPayloadsThatCannotBeRight) {
  const Image pte = rich_program().build();
  EXPECT_THAT(error_of(pte, {}), HasSubstr("no payloads"));
  EXPECT_THAT(error_of(pte, {{"", "", Bytes("x", 1)}}, {"forward", 0}), HasSubstr("has no kind"));
  EXPECT_THAT(error_of(pte, {{"other", "", Bytes("x", 1)}}), HasSubstr("is of kind \"other\""));
  EXPECT_THAT(error_of(pte, {{"tensorrt", "", Bytes()}}), HasSubstr("has no bytes"));
  EXPECT_THAT(error_of(pte, {{"program", "", Bytes("garbage!garbage!", 16)}}, {"forward", 0}),
              HasSubstr("not a usable ExecuTorch program"));
}

TEST(AddVariants, RefusesABlobThatIsNone) {
  ProgramSpec program;
  program.methods = {method_of("forward", {{.data = 1}})};
  program.segments = {{}, to_image("TR01 and no more")};
  EXPECT_THAT(error_of(program.build(), {kEngine}), HasSubstr("delegate 0 of method forward: not a usable TensorRT"));
}

TEST(AddVariants, RefusesBindingsThatAreNotWhatTheMethodHandsOver) {
  ProgramSpec program;
  program.methods = {method_of("forward", {{.data = 1}})};
  program.methods[0].steps[0].args = {0, 1, 1};
  program.segments = {{}, blob_named("engine")};
  EXPECT_THAT(error_of(program.build(), {{"program", "", read_file(test_data("programs/types_int32.pte"))}}),
              HasSubstr("the blob has 2 bindings, but the method hands 3 values"));
}

TEST(AddVariants, RefusesAMethodThatCallsADelegateThatIsNotThere) {
  ProgramSpec program;
  program.methods = {method_of("forward", {{.data = 1}})};
  program.segments = {{}, blob_named("engine")};
  for (const std::int32_t delegate : {1, -1}) {
    program.methods[0].steps[0].delegate = delegate;
    EXPECT_THAT(error_of(program.build(), {kEngine}), HasSubstr("forward calls delegate"));
  }
}

TEST(AddVariants, RefusesSegmentsThatOverlap) {
  ProgramSpec program = rich_program();
  Image pte = program.build();
  auto* table = const_cast<fb::DataSegment*>(fb::GetProgram(pte.data())->segments()->Get(3));
  const auto* previous = fb::GetProgram(pte.data())->segments()->Get(2);
  auto* field = reinterpret_cast<flatbuffers::Table*>(table)->GetAddressOf(fb::DataSegment::VT_OFFSET);
  const std::uint64_t offset = previous->offset();
  std::memcpy(field, &offset, sizeof(offset));
  EXPECT_THAT(error_of(pte, {kEngine}, {"second", 1}), HasSubstr("overlaps another one"));
}

TEST(AddVariants, SurvivesEveryTruncationAndManyBitFlips) {
  const Image whole = rich_program().build();
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(add_variants({whole.data(), size}, {kEngine}, {"forward", 0}).ok()) << size;
  }
  for (std::size_t bit = 0; bit < whole.size() * 8; bit += 7) {
    Image flipped = whole;
    flipped[bit / 8] ^= std::byte{1} << (bit % 8);
    const auto added = add_variants(flipped, {kEngine}, {"forward", 0});
    EXPECT_TRUE(!added.ok() || inspect(*added).ok()) << "bit " << bit;
  }
}

}  // namespace
}  // namespace etrt::pte

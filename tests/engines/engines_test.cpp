// Real TensorRT engines, on a GPU. ETRT_ENGINES names the folder with them, ETRT_TENSORRT_LIBRARY and
// ETRT_TENSORRT_LEAN_RUNTIME the libraries that run them; without a folder everything here is skipped.
#include <cstdlib>
#include <delegate_fixture.h>
#include <engines/arguments.h>
#include <engines/engine_files.h>

namespace etrt::test {
namespace {

constexpr int kPartitionSms = 16;

class RealEngines : public DelegateTest {
 protected:
  void SetUp() override {
    if (std::getenv("ETRT_ENGINES") == nullptr) GTEST_SKIP() << "ETRT_ENGINES names no folder with engines";
    DelegateTest::SetUp();
  }

  std::unique_ptr<delegate::Handle> load_engine(const EngineFiles& files) const { return must(try_load(files.blob())); }

  /// Float engines agree with ONNX's reference within 1e-5; cnn computes in float16 inside.
  static double tolerance(const EngineFiles& files) { return files.name == "cnn" ? 2e-3 : 1e-5; }

  static void expect_right(const EngineFiles& files, const Arguments& arguments) {
    const auto outputs = arguments.outputs();
    ASSERT_EQ(outputs.size(), files.references.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      EXPECT_EQ(difference(outputs[i], files.references[i], tolerance(files)), "") << files.name << ", output " << i;
    }
  }

  /// Calls `body` for each engine that has a reference.
  static void for_each_engine(const std::function<void(const EngineFiles&)>& body) {
    int count = 0;
    for (const EngineFiles& files : engines()) {
      if (files.references.empty()) continue;
      SCOPED_TRACE(files.name);
      body(files);
      ++count;
    }
    EXPECT_GT(count, 0) << "the folder has no engines";
  }

  /// One call on each stream in turn, all in flight at once, and the answers of all.
  void run_on_each(const EngineFiles& files, const std::vector<Stream>& streams) const {
    const auto handle = load_engine(files);
    std::vector<Arguments> arguments;
    for (std::size_t i = 0; i < streams.size(); ++i) {
      arguments.emplace_back(files, files.inputs, device(), Place::kDevice);
    }
    for (int round = 0; round < 3; ++round) {
      for (auto& one : arguments) one.spoil_outputs();
      for (std::size_t i = 0; i < streams.size(); ++i) {
        const StreamGuard guard(streams[i].get());
        ASSERT_THAT(execute(*handle, arguments[i].values()), is_ok());
      }
      for (const Stream& stream : streams) ASSERT_THAT(stream.synchronize(), is_ok());
      for (const auto& one : arguments) expect_right(files, one);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(On, RealEngines, ::testing::Values("cuda:0"),
                         [](const ::testing::TestParamInfo<std::string>&) { return std::string("cuda"); });

TEST_P(RealEngines, AnswerWithoutAGuard) {
  for_each_engine([&](const EngineFiles& files) {
    const auto handle = load_engine(files);
    for (const Place place : {Place::kHost, Place::kDevice}) {
      Arguments arguments(files, files.inputs, device(), place);
      ASSERT_THAT(execute(*handle, arguments.values()), is_ok());
      expect_right(files, arguments);
    }
  });
}

TEST_P(RealEngines, AnswerOnAStreamOfTheWholeDevice) {
  const Stream stream = create_stream();
  for_each_engine([&](const EngineFiles& files) {
    const auto handle = load_engine(files);
    const StreamGuard guard(stream.get());
    for (const Place place : {Place::kHost, Place::kDevice}) {
      Arguments arguments(files, files.inputs, device(), place);
      ASSERT_THAT(execute(*handle, arguments.values()), is_ok());
      ASSERT_THAT(stream.synchronize(), is_ok());
      expect_right(files, arguments);
    }
  });
}

TEST_P(RealEngines, AnswerInAPartition) {
  const auto partition = must(Partition::create(device(), kPartitionSms));
  std::vector<Stream> streams;
  streams.push_back(must(partition.create_stream()));
  for_each_engine([&](const EngineFiles& files) { run_on_each(files, streams); });
}

TEST_P(RealEngines, AnswerOnFourStreamsAtOnce) {
  std::vector<Stream> streams;
  for (int i = 0; i < 4; ++i) streams.push_back(create_stream());
  for_each_engine([&](const EngineFiles& files) { run_on_each(files, streams); });
}

TEST_P(RealEngines, AnswerInTwoPartitionsSideBySide) {
  const auto partitions = must(Partition::split(device(), {kPartitionSms, kPartitionSms}));
  std::vector<Stream> streams;
  for (const Partition& partition : partitions) streams.push_back(must(partition.create_stream()));
  for_each_engine([&](const EngineFiles& files) { run_on_each(files, streams); });
}

TEST_P(RealEngines, AnswerFromAGraphOfTheCallers) {
  const Stream stream = create_stream();
  for_each_engine([&](const EngineFiles& files) {
    // A shape tensor is read on the host at each call, which a graph does not repeat.
    if (files.name == "reshape") return;
    const auto handle = load_engine(files);
    Arguments arguments(files, files.inputs, device(), Place::kDevice);
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, arguments.values()), is_ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
    const auto graph = capture(stream, [&] { ASSERT_THAT(execute(*handle, arguments.values()), is_ok()); });
    for (int i = 0; i < 3; ++i) {
      arguments.spoil_outputs();
      ASSERT_THAT(driver().cuGraphLaunch(graph.get(), stream.get()), is_ok());
      ASSERT_THAT(stream.synchronize(), is_ok());
      expect_right(files, arguments);
    }
  });
}

TEST_P(RealEngines, AnswerFromGraphsOfTheirOwn) {
  const auto partition = must(Partition::create(device(), kPartitionSms));
  const Stream whole = create_stream();
  const Stream confined = must(partition.create_stream());
  for_each_engine([&](const EngineFiles& files) {
    const auto handle = load_engine(files);
    Arguments arguments(files, files.inputs, device(), Place::kDevice);
    for (const Stream* stream : {&whole, &confined}) {
      const auto launches = handle->report().graph_launches;
      for (int i = 0; i < 4; ++i) {
        arguments.spoil_outputs();
        const StreamGuard guard(stream->get());
        ASSERT_THAT(execute(*handle, arguments.values()), is_ok());
        ASSERT_THAT(stream->synchronize(), is_ok());
        expect_right(files, arguments);
      }
      EXPECT_EQ(handle->report().graph_launches, launches + 3) << handle->report().no_graph_reason;
    }
  });
}

TEST_P(RealEngines, HaveAuxiliaryStreamsInTheCallersPartition) {
  const EngineFiles files = engine("branches");
  const auto partition = must(Partition::create(device(), kPartitionSms));
  const Stream stream = must(partition.create_stream());
  const auto handle = load_engine(files);
  Arguments arguments(files, files.inputs, device(), Place::kDevice);
  const auto made_inside = calls(Symbol::k_cuGreenCtxStreamCreate);
  const auto made_outside = calls(Symbol::k_cuStreamCreate) + calls(Symbol::k_cuStreamCreateWithPriority);
  const StreamGuard guard(stream.get());
  ASSERT_THAT(execute(*handle, arguments.values()), is_ok());
  ASSERT_THAT(stream.synchronize(), is_ok());
  EXPECT_EQ(calls(Symbol::k_cuGreenCtxStreamCreate), made_inside + 3);
  EXPECT_EQ(calls(Symbol::k_cuStreamCreate) + calls(Symbol::k_cuStreamCreateWithPriority), made_outside);
  expect_right(files, arguments);
}

TEST_P(RealEngines, SwitchOptimizationProfilesUnderWay) {
  const EngineFiles small = engine("digits");
  const EngineFiles files = engine("profiles");
  const auto handle = load_engine(files);
  const Stream stream = create_stream();
  const StreamGuard guard(stream.get());
  const auto batch_of = [&](std::int32_t rows) {
    Array batch{small.inputs[0].type, {rows, 1, 8, 8}, {}};
    const auto& data = small.inputs[0].data;
    const std::size_t row = 64 * sizeof(float);
    for (std::int32_t i = 0; i < rows; ++i) {
      const std::size_t from = static_cast<std::size_t>(i) * row % data.size();
      batch.data.insert(batch.data.end(), data.begin() + static_cast<std::ptrdiff_t>(from),
                        data.begin() + static_cast<std::ptrdiff_t>(from + row));
    }
    return batch;
  };
  const auto reference = load_engine(small);
  for (const std::int32_t rows : {1, 5, 64, 4, 3, 33}) {
    const std::vector<Array> inputs{batch_of(rows)};
    Arguments found(files, inputs, device(), Place::kDevice);
    Arguments expected(small, inputs, device(), Place::kDevice);
    ASSERT_THAT(execute(*handle, found.values()), is_ok());
    ASSERT_THAT(execute(*reference, expected.values()), is_ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
    EXPECT_EQ(difference(found.outputs()[0], expected.outputs()[0], 1e-5), "") << rows << " rows";
  }
}

TEST_P(RealEngines, TakeEmptyTensors) {
  const EngineFiles files = engine("mlp");
  const auto handle = load_engine(files);
  const std::vector<Array> nothing{{files.inputs[0].type, {0, 8}, {}}};
  for (const Place place : {Place::kHost, Place::kDevice}) {
    Arguments empty(files, nothing, device(), place);
    ASSERT_THAT(execute(*handle, empty.values()), is_ok());
    EXPECT_EQ(empty.outputs()[0].sizes, (std::vector<std::int32_t>{0, 4}));
    Arguments arguments(files, files.inputs, device(), place);
    ASSERT_THAT(execute(*handle, arguments.values()), is_ok());
    expect_right(files, arguments);
  }
}

TEST_P(RealEngines, FollowTheValuesOfAShapeTensor) {
  const EngineFiles files = engine("reshape");
  const auto handle = load_engine(files);
  for (const std::vector<std::int32_t>& shape : {std::vector<std::int32_t>{2, 12}, {24, 1}, {6, 4}, {1, 24}}) {
    std::vector<Array> inputs = files.inputs;
    const auto* bytes = reinterpret_cast<const std::byte*>(shape.data());
    inputs[1].data.assign(bytes, bytes + 8);
    Arguments arguments(files, inputs, device(), Place::kDevice);
    ASSERT_THAT(execute(*handle, arguments.values()), is_ok());
    const Array found = arguments.outputs()[0];
    EXPECT_EQ(found.sizes, shape);
    EXPECT_EQ(found.data.size(), 24 * sizeof(float));
  }
}

TEST_P(RealEngines, ReturnFromALongCallBeforeItIsOver) {
  const EngineFiles files = engine("long");
  const auto handle = load_engine(files);
  Arguments whole(files, files.inputs, device(), Place::kDevice);
  const Stream stream = create_stream();
  {
    const StreamGuard guard(stream.get());
    ASSERT_THAT(execute(*handle, whole.values()), is_ok());
    ASSERT_THAT(stream.synchronize(), is_ok());
    ASSERT_THAT(execute(*handle, whole.values()), is_ok());
    EXPECT_FALSE(must(stream.is_done()));
    ASSERT_THAT(stream.synchronize(), is_ok());
  }
  const auto partition = must(Partition::create(device(), kPartitionSms));
  const Stream confined = must(partition.create_stream());
  Arguments inside(files, files.inputs, device(), Place::kDevice);
  const StreamGuard guard(confined.get());
  ASSERT_THAT(execute(*handle, inside.values()), is_ok());
  ASSERT_THAT(confined.synchronize(), is_ok());
  EXPECT_EQ(difference(inside.outputs()[0], whole.outputs()[0], 1e-5), "") << "the whole device's own answer";
}

}  // namespace
}  // namespace etrt::test

// What CUDA leaves undefined about user objects and vgpu answers.
#include <future>

#include <vgpu/fixture.h>

namespace etrt::vgpu::test {
namespace {

class UserObjects : public VgpuTest {
 protected:
  CUuserObject create(CUhostFn destroy, void* argument, unsigned references = 1) {
    CUuserObject object = nullptr;
    EXPECT_EQ(driver().cuUserObjectCreate(&object, argument, destroy, references, CU_USER_OBJECT_NO_DESTRUCTOR_SYNC),
              CUDA_SUCCESS);
    return object;
  }

  CUgraph capture_nothing(CUstream stream) {
    CUgraph graph = nullptr;
    EXPECT_EQ(driver().cuStreamBeginCapture(stream, CU_STREAM_CAPTURE_MODE_GLOBAL), CUDA_SUCCESS);
    EXPECT_EQ(driver().cuStreamEndCapture(stream, &graph), CUDA_SUCCESS);
    return graph;
  }
};

TEST_F(UserObjects, DestructorsMayNotCallTheDriver) {
  struct Question {
    const cuda::Driver& driver;
    std::promise<CUresult> answer;
  } question{driver(), {}};
  const CUhostFn ask = [](void* self) {
    auto& question = *static_cast<Question*>(self);
    CUcontext context = nullptr;
    question.answer.set_value(question.driver.cuCtxGetCurrent(&context));
  };
  auto answer = question.answer.get_future();
  EXPECT_EQ(driver().cuUserObjectRelease(create(ask, &question), 1), CUDA_SUCCESS);
  EXPECT_EQ(answer.get(), CUDA_ERROR_NOT_PERMITTED);
}

TEST_F(UserObjects, MoreReferencesThanTheCallersOwnAreNotGivenAway) {
  std::promise<void> destroyed;
  const CUhostFn tell = [](void* promise) { static_cast<std::promise<void>*>(promise)->set_value(); };
  const CUuserObject object = create(tell, &destroyed, 2);
  const CUgraph graph = capture_nothing(make_stream());
  EXPECT_EQ(driver().cuUserObjectRelease(object, 3), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver().cuGraphRetainUserObject(graph, object, 3, CU_GRAPH_USER_OBJECT_MOVE), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver().cuUserObjectRelease(object, 2), CUDA_SUCCESS);
  destroyed.get_future().wait();
  EXPECT_EQ(driver().cuUserObjectRelease(object, 1), CUDA_ERROR_INVALID_VALUE);
  EXPECT_EQ(driver().cuGraphRetainUserObject(graph, object, 1, 0), CUDA_ERROR_INVALID_VALUE);
}

TEST_F(UserObjects, ThoseOfLiveObjectsAndGraphsAreCountedAsHandles) {
  const std::size_t before = gpu().live_handles();
  const CUuserObject object = create([](void*) {}, nullptr);
  EXPECT_EQ(gpu().live_handles(), before + 1);
  EXPECT_EQ(driver().cuUserObjectRelease(object, 1), CUDA_SUCCESS);
  EXPECT_EQ(gpu().live_handles(), before);
}

}  // namespace
}  // namespace etrt::vgpu::test

#pragma once

// Probes ask a provider what nobody promises. They assert nothing: they write the answers down, one line each, so that
// two providers can be compared and an answer, once known, can become a test.

#include <string>

#include <conformance/partitioning.h>

namespace etrt::conformance {

class Probes : public PartitionFixture {
 protected:
  void SetUp() override {
    PartitionFixture::SetUp();
    expect_order_reports();
  }

  /// Writes "PROBE name = answer", and records it as a property of the test.
  void note(const std::string& name, const std::string& answer);
  void note(const std::string& name, CUresult answer) { note(name, support::result_name(answer)); }

  /// "the primary context", "the green context", "none" or "another context".
  std::string name_of(CUcontext context, const Partition& partition) const;

  /// The context of a stream, or the error of asking for it.
  std::string context_of(CUstream stream, const Partition& partition) const;

  /// What `ask` answers on a thread that has no current context.
  template <class Ask>
  void note_without_context(const std::string& name, Ask ask) {
    CUresult answer = CUDA_ERROR_UNKNOWN;
    on_another_thread([&] { answer = ask(); });
    note(name + " with no context current", answer);
  }
};

/// A stream handle, as a table of them tells it.
struct NamedStream {
  std::string name;
  CUstream handle;
};

}  // namespace etrt::conformance

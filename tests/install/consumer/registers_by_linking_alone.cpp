#include <executorch/runtime/backend/interface.h>

int main() {
  return executorch::runtime::get_backend_class("TensorRTBackend") != nullptr ? 0 : 1;
}

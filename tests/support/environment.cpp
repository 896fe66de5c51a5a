#include <cstdlib>

#include <support/environment.h>

namespace etrt::support {

bool device_required(std::string_view provider) {
  const char* required = std::getenv("ETRT_REQUIRE_DEVICE");
  return required != nullptr && provider == required;
}

void prepare_cuda_environment() {
  setenv("CUDA_MODULE_LOADING", "EAGER", /*overwrite=*/0);
  setenv("CUDA_DEVICE_MAX_CONNECTIONS", "32", /*overwrite=*/0);
}

}  // namespace etrt::support

#include <algorithm>
#include <iterator>

#include <program_facts/known_operators.h>

namespace etrt::program_facts {
namespace {

/// Namespaces all of whose operators have known shapes. Those of executorch_prim compute with sizes, which come from
/// shapes unless `aten::_local_scalar_dense` took one out of a tensor.
constexpr std::string_view kNamespaces[] = {"dim_order_ops", "et_copy", "executorch_prim", "quantized_decomposed"};

/// The operators of ExecuTorch's kernels without those that ATen tags `dynamic_output_shape` (masked_select, nonzero,
/// repeat_interleave.Tensor, index.Tensor) and without `_local_scalar_dense`, which makes a number of a tensor's value.
/// In order, without overloads.
constexpr std::string_view kAten[] = {"_adaptive_avg_pool2d",
                                      "_cdist_forward",
                                      "_conj_physical",
                                      "_fft_c2r",
                                      "_fft_r2c",
                                      "_log_softmax",
                                      "_native_batch_norm_legit",
                                      "_native_batch_norm_legit_no_training",
                                      "_pdist_forward",
                                      "_softmax",
                                      "_to_copy",
                                      "_upsample_bilinear2d_aa",
                                      "abs",
                                      "acos",
                                      "acosh",
                                      "add",
                                      "addmm",
                                      "alias_copy",
                                      "amax",
                                      "amin",
                                      "any",
                                      "arange",
                                      "argmax",
                                      "argmin",
                                      "as_strided_copy",
                                      "asin",
                                      "asinh",
                                      "atan",
                                      "atan2",
                                      "atanh",
                                      "avg_pool2d",
                                      "bitwise_and",
                                      "bitwise_left_shift",
                                      "bitwise_not",
                                      "bitwise_or",
                                      "bitwise_right_shift",
                                      "bitwise_xor",
                                      "bmm",
                                      "cat",
                                      "ceil",
                                      "clamp",
                                      "clone",
                                      "constant_pad_nd",
                                      "convolution",
                                      "convolution_backward",
                                      "copy",
                                      "copy_",
                                      "cos",
                                      "cosh",
                                      "cumsum",
                                      "detach_copy",
                                      "diagonal_copy",
                                      "div",
                                      "elu",
                                      "embedding",
                                      "empty",
                                      "eq",
                                      "erf",
                                      "exp",
                                      "expand_copy",
                                      "expm1",
                                      "fill",
                                      "flip",
                                      "floor",
                                      "floor_divide",
                                      "fmod",
                                      "full",
                                      "full_like",
                                      "gather",
                                      "ge",
                                      "gelu",
                                      "glu",
                                      "grid_sampler_2d",
                                      "gt",
                                      "hardtanh",
                                      "index_put",
                                      "index_put_",
                                      "index_select",
                                      "isinf",
                                      "isnan",
                                      "le",
                                      "leaky_relu",
                                      "lift_fresh_copy",
                                      "linear",
                                      "log",
                                      "log10",
                                      "log1p",
                                      "log2",
                                      "logical_and",
                                      "logical_not",
                                      "logical_or",
                                      "logical_xor",
                                      "logit",
                                      "lt",
                                      "masked_fill",
                                      "masked_scatter",
                                      "max",
                                      "max_pool2d_with_indices",
                                      "max_pool2d_with_indices_backward",
                                      "maximum",
                                      "mean",
                                      "min",
                                      "minimum",
                                      "mm",
                                      "mul",
                                      "narrow_copy",
                                      "native_dropout",
                                      "native_group_norm",
                                      "native_layer_norm",
                                      "ne",
                                      "neg",
                                      "ones",
                                      "permute_copy",
                                      "pixel_shuffle",
                                      "pixel_unshuffle",
                                      "pow",
                                      "prod",
                                      "rand",
                                      "randn",
                                      "reciprocal",
                                      "reflection_pad1d",
                                      "reflection_pad2d",
                                      "reflection_pad3d",
                                      "relu",
                                      "remainder",
                                      "repeat",
                                      "replication_pad1d",
                                      "replication_pad2d",
                                      "replication_pad3d",
                                      "roll",
                                      "round",
                                      "rsqrt",
                                      "rsub",
                                      "scalar_tensor",
                                      "scatter",
                                      "scatter_add",
                                      "select_copy",
                                      "select_scatter",
                                      "sigmoid",
                                      "sign",
                                      "sin",
                                      "sinh",
                                      "slice_copy",
                                      "slice_scatter",
                                      "split_copy",
                                      "split_with_sizes_copy",
                                      "sqrt",
                                      "squeeze_copy",
                                      "stack",
                                      "sub",
                                      "sum",
                                      "sym_numel",
                                      "sym_size",
                                      "t_copy",
                                      "tan",
                                      "tanh",
                                      "topk",
                                      "transpose_copy",
                                      "tril",
                                      "trunc",
                                      "unbind_copy",
                                      "unfold_copy",
                                      "unsqueeze_copy",
                                      "upsample_bilinear2d",
                                      "upsample_nearest2d",
                                      "var",
                                      "var_mean",
                                      "view_as_real_copy",
                                      "view_copy",
                                      "where",
                                      "zeros"};

/// ExecuTorch's operators for language models, which an application links in itself.
constexpr std::string_view kLlama[] = {"custom_quantized_sdpa", "custom_sdpa",  "fast_hadamard_transform",
                                       "sdpa_with_kv_cache",    "update_cache", "update_cache_with_indices"};

struct Name {
  std::string_view space;
  std::string_view base;
};

/// "aten", "add" of "aten::add.out".
Name parts_of(std::string_view name) {
  const auto colons = name.find("::");
  if (colons == std::string_view::npos) return {};
  const std::string_view rest = name.substr(colons + 2);
  return {name.substr(0, colons), rest.substr(0, rest.find('.'))};
}

}  // namespace

bool has_known_shapes(std::string_view name) {
  const auto [space, base] = parts_of(name);
  if (space == "aten") return std::binary_search(std::begin(kAten), std::end(kAten), base);
  if (space == "llama") return std::binary_search(std::begin(kLlama), std::end(kLlama), base);
  return std::binary_search(std::begin(kNamespaces), std::end(kNamespaces), space);
}

bool is_index(std::string_view name) {
  const auto [space, base] = parts_of(name);
  return space == "aten" && base == "index";
}

bool is_quantized(std::string_view name) {
  return parts_of(name).space == "quantized_decomposed";
}

bool is_in_place(std::string_view name) {
  const std::string_view base = parts_of(name).base;
  return base.ends_with('_') && !base.ends_with("__");
}

}  // namespace etrt::program_facts

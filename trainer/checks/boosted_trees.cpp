#include "trainer/checks/boosted_trees.h"

#include <ATen/ATen.h>
#include <dlfcn.h>
#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <memory>

#include "common/errors.h"

namespace ringtrain::checks {
namespace {

constexpr int kRounds = 100;

/// The functions of XGBoost's C API (xgboost/c_api.h, the same from 1.0 to 3.0) that are used here. It is
/// opened, not linked: nothing else of ringtrain needs it.
class Library {
 public:
  using Handle = void*;
  int (*matrix)(const float*, std::uint64_t, std::uint64_t, float, Handle*) = nullptr;
  int (*set_floats)(Handle, const char*, const float*, std::uint64_t) = nullptr;
  int (*free_matrix)(Handle) = nullptr;
  int (*create)(const Handle*, std::uint64_t, Handle*) = nullptr;
  int (*free_booster)(Handle) = nullptr;
  int (*set)(Handle, const char*, const char*) = nullptr;
  int (*round)(Handle, int, Handle) = nullptr;
  int (*predict)(Handle, Handle, int, unsigned, int, std::uint64_t*, const float**) = nullptr;
  const char* (*last_error)() = nullptr;

  /// Null where there is none, or one without these functions.
  static const Library* open() {
    static const Library library;
    return library.whole_ ? &library : nullptr;
  }
  void require(int code) const {
    if (code != 0) throw Error(fmt::format("XGBoost: {}", last_error()));
  }

 private:
  Library() {
    void* opened = ::dlopen("libxgboost.so.0", RTLD_NOW | RTLD_LOCAL);
    if (opened == nullptr) opened = ::dlopen("libxgboost.so", RTLD_NOW | RTLD_LOCAL);
    if (opened == nullptr) return;
    whole_ = find(opened, "XGDMatrixCreateFromMat", matrix) &&
             find(opened, "XGDMatrixSetFloatInfo", set_floats) &&
             find(opened, "XGDMatrixFree", free_matrix) && find(opened, "XGBoosterCreate", create) &&
             find(opened, "XGBoosterFree", free_booster) && find(opened, "XGBoosterSetParam", set) &&
             find(opened, "XGBoosterUpdateOneIter", round) && find(opened, "XGBoosterPredict", predict) &&
             find(opened, "XGBGetLastError", last_error);
  }
  template <class Function>
  static bool find(void* opened, const char* name, Function& function) {
    function = reinterpret_cast<Function>(::dlsym(opened, name));
    return function != nullptr;
  }
  bool whole_ = false;
};

using Owned = std::unique_ptr<void, int (*)(void*)>;

Owned matrix_of(const Library& library, const at::Tensor& features) {
  const at::Tensor numbers = features.to(at::kFloat).contiguous();
  Library::Handle handle = nullptr;
  library.require(library.matrix(numbers.const_data_ptr<float>(), static_cast<std::uint64_t>(numbers.size(0)),
                                 static_cast<std::uint64_t>(numbers.size(1)), NAN, &handle));
  return {handle, library.free_matrix};
}

at::Tensor answers(const Library& library, const Goal& goal, const at::Tensor& features,
                   const std::vector<double>& target, const at::Tensor& asked) {
  const auto train = matrix_of(library, features), test = matrix_of(library, asked);
  const std::vector<float> labels(target.begin(), target.end());
  library.require(library.set_floats(train.get(), "label", labels.data(), labels.size()));
  Library::Handle made = nullptr;
  Library::Handle with = train.get();
  library.require(library.create(&with, 1, &made));
  const Owned booster(made, library.free_booster);
  const auto set = [&](const char* name, const std::string& value) {
    library.require(library.set(made, name, value.c_str()));
  };
  set("nthread", "1");
  set("verbosity", "0");
  set("eta", "0.1");
  set("max_depth", "6");
  set("objective", goal.classes == 0   ? "reg:squarederror"
                   : goal.classes == 2 ? "binary:logistic"
                                       : "multi:softprob");
  if (goal.classes > 2) set("num_class", std::to_string(goal.classes));
  for (int i = 0; i < kRounds; ++i) library.require(library.round(made, i, train.get()));
  std::uint64_t length = 0;
  const float* numbers = nullptr;
  library.require(library.predict(made, test.get(), 0, 0, 0, &length, &numbers));
  const auto scores =
      at::tensor(std::vector<double>(numbers, numbers + length), at::kDouble).reshape({asked.size(0), -1});
  return goal.classes == 2 ? at::cat({1 - scores, scores}, 1) : scores;
}

}  // namespace

std::optional<at::Tensor> boosted_trees(const Goal& goal, const at::Tensor& features,
                                        const std::vector<double>& target, const at::Tensor& asked,
                                        std::string& why) {
  const auto* library = Library::open();
  if (library == nullptr) {
    why = "no libxgboost";
    return std::nullopt;
  }
  try {
    return answers(*library, goal, features, target, asked);
  } catch (const Error& error) {
    why = error.what();
    return std::nullopt;
  }
}

}  // namespace ringtrain::checks

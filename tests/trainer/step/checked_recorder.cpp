#include "tests/trainer/step/checked_recorder.h"

#include <ATen/ATen.h>
#include <ATen/record_function.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <stdexcept>
#include <utility>

namespace ringtrain::test {
namespace {

/// The operations of one replay, as text, in their order.
struct Work {
  std::vector<std::string> operations;
  std::set<const void*> made;  ///< memory that one of them made: its place may be another the next time
  std::string waits;           ///< the first operation that waits for the device
  int depth = 0;  ///< what an operation of LibTorch does inside is its own matter, another one on a GPU
};

thread_local Work* observed = nullptr;

/// While it lives nothing is observed: what is done to write work down is no part of it.
class Unobserved {
 public:
  Unobserved() : work_(std::exchange(observed, nullptr)) {}
  ~Unobserved() { observed = work_; }
  Unobserved(const Unobserved&) = delete;
  Unobserved& operator=(const Unobserved&) = delete;
  Work& work() { return *work_; }

 private:
  Work* work_;
};

std::string text_of(const Work& work, const at::Tensor& tensor) {
  if (!tensor.defined()) return "none";
  if (tensor.unsafeGetTensorImpl()->is_wrapped_number())  // a number of the host, in a tensor's clothes
    return fmt::format("number {}", tensor.item<double>());
  if (!tensor.has_storage()) return "no storage";
  const void* memory = tensor.storage().data();
  std::string text = fmt::format("{}[", c10::toString(tensor.scalar_type()));
  for (const auto size : tensor.sizes()) text += fmt::format("{} ", size);
  if (memory == nullptr || work.made.contains(memory)) return text + "]";
  return text + fmt::format("] at {} + {}", memory, tensor.storage_offset());
}

std::string text_of(const Work& work, const c10::IValue& value) {
  if (value.isTensor()) return text_of(work, value.toTensor());
  if (value.isTensorList()) {
    std::string text = "{";
    for (const at::Tensor& tensor : value.toTensorList()) text += text_of(work, tensor) + "; ";
    return text + "}";
  }
  if (value.isList()) {
    std::string text = "{";
    for (const c10::IValue& item : value.toList()) text += text_of(work, item) + "; ";
    return text + "}";
  }
  if (value.isNone()) return "none";
  if (value.isDouble()) return fmt::format("{}", value.toDouble());
  if (value.isInt()) return fmt::format("{}", value.toInt());
  if (value.isBool()) return value.toBool() ? "true" : "false";
  if (value.isString()) return value.toStringRef();
  return value.tagKind();
}

/// Calls `with` for the memory of each tensor in `value`.
template <class With>
void for_memory(const c10::IValue& value, const With& with) {
  const auto one = [&with](const at::Tensor& tensor) {
    if (tensor.defined() && tensor.has_storage()) with(tensor.storage().data());
  };
  if (value.isTensor()) one(value.toTensor());
  if (value.isTensorList())
    for (const at::Tensor& tensor : value.toTensorList()) one(tensor);
}

bool waits(std::string_view name) {
  return name == "aten::item" || name == "aten::_local_scalar_dense" || name == "aten::is_nonzero" ||
         name == "aten::equal" || name == "aten::nonzero";
}

/// An operation that is nothing but others, which may be ours: comm/averaging/sync_batch_norm_scope.h.
bool is_made_of_others(std::string_view name) { return name == "aten::batch_norm"; }

struct Operation : at::ObserverContext {
  std::set<const void*> before;  ///< memory of the inputs that was there before the work
  int depth = 1;                 ///< by which what is done inside is deeper
};

std::unique_ptr<at::ObserverContext> starts(const at::RecordFunction& function) {
  if (!observed) return nullptr;
  Unobserved here;
  Work& work = here.work();
  auto operation = std::make_unique<Operation>();
  for (const auto& input : function.inputs())
    for_memory(input, [&](const void* memory) {
      if (!work.made.contains(memory)) operation->before.insert(memory);
    });
  std::string text = function.name();
  if (is_made_of_others(text)) operation->depth = 0;
  const bool inside = work.depth > 0;
  work.depth += operation->depth;
  if (inside) return operation;
  if (waits(text) && work.waits.empty()) work.waits = text;
  for (const auto& input : function.inputs()) text += ", " + text_of(work, input);
  work.operations.push_back(std::move(text));
  return operation;
}

void ends(const at::RecordFunction& function, at::ObserverContext* context) {
  if (!observed || !context) return;
  Unobserved here;
  const auto& operation = static_cast<const Operation&>(*context);
  here.work().depth -= operation.depth;
  for (const auto& output : function.outputs())
    for_memory(output, [&](const void* memory) {
      if (!operation.before.contains(memory))
        here.work().made.insert(memory);  // else a view, or written in place
    });
}

class Graph : public DeviceGraph {
 public:
  Graph(CheckedRecorder& counts, std::function<void()> work) : counts_(counts), work_(std::move(work)) {}

  void replay() override {
    ++counts_.replayed;
    Work now;
    observed = &now;
    const auto handle = at::addThreadLocalCallback(at::RecordFunctionCallback(starts, ends)
                                                       .needsInputs(true)
                                                       .needsOutputs(true)
                                                       .scopes({at::RecordScope::FUNCTION}));
    try {
      work_();
    } catch (...) {
      at::removeCallback(handle);
      observed = nullptr;
      throw;
    }
    at::removeCallback(handle);
    observed = nullptr;
    counts_.operations = now.operations.size();
    if (!now.waits.empty())
      throw std::logic_error(fmt::format("a recorded step waits for the device: {}", now.waits));
    if (first_.empty()) first_ = now.operations;
    const auto [known, found] =
        std::mismatch(first_.begin(), first_.end(), now.operations.begin(), now.operations.end());
    if (known == first_.end() && found == now.operations.end()) return;
    throw std::logic_error(
        fmt::format("a recorded step does not do what was recorded: operation {} was '{}' and is '{}'",
                    known - first_.begin() + 1, known == first_.end() ? "none" : *known,
                    found == now.operations.end() ? "none" : *found));
  }

 private:
  CheckedRecorder& counts_;
  std::function<void()> work_;
  std::vector<std::string> first_;
};

}  // namespace

GraphRecorder CheckedRecorder::recorder() {
  return [this](const std::function<void()>& work) -> std::unique_ptr<DeviceGraph> {
    ++recorded;
    return std::make_unique<Graph>(*this, work);
  };
}

}  // namespace ringtrain::test

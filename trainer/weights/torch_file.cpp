#include "trainer/weights/torch_file.h"

#include <ATen/ATen.h>
#include <caffe2/serialize/inline_container.h>
#include <fmt/format.h>

#include <array>
#include <fstream>

#include "common/errors.h"
#include "common/text.h"
#include "trainer/weights/pickle.h"

namespace ringtrain {
namespace {

using Kind = PickleValue::Kind;
using caffe2::serialize::PyTorchStreamReader;

constexpr std::array<std::pair<const char*, at::ScalarType>, 10> kStorages{
    {{"DoubleStorage", at::kDouble},
     {"FloatStorage", at::kFloat},
     {"HalfStorage", at::kHalf},
     {"BFloat16Storage", at::kBFloat16},
     {"LongStorage", at::kLong},
     {"IntStorage", at::kInt},
     {"ShortStorage", at::kShort},
     {"CharStorage", at::kChar},
     {"ByteStorage", at::kByte},
     {"BoolStorage", at::kBool}}};
/// Under which keys a state dict lies in another, the first one first.
constexpr std::array<const char*, 3> kModelKeys{"model", "state_dict", "model_state_dict"};

std::string conversion(const std::filesystem::path& file) {
  return fmt::format(
      "\nPython makes a file of it that is read here:\n  python3 -c \"import torch; from safetensors.torch "
      "import save_file; save_file({{k: v.clone().contiguous() for k, v in torch.load('{}', "
      "map_location='cpu').items()}}, 'weights.safetensors')\"",
      file.string());
}

/// Makes tensors of the calls that a pickle holds. A storage is read once.
class Tensors {
 public:
  Tensors(PyTorchStreamReader& archive, std::string where) : archive_(archive), where_(std::move(where)) {}

  static bool is_tensor(const PickleValue& value) { return innermost(value) != nullptr; }

  at::Tensor make(const PickleValue& value, const std::string& name) {
    const auto& items = innermost(value)->items;
    const auto refuse = [&](std::string_view why) {
      throw CheckpointError(fmt::format("{}, tensor '{}': {}", where_, name, why));
    };
    if (items.size() < 4 || !items[0]->is(Kind::reference) || !items[1]->is(Kind::integer))
      refuse("is not described as torch.save does");
    const at::Tensor storage = storage_of(items[0]->items[0]->items, name);
    const auto sizes = numbers(*items[2]), strides = numbers(*items[3]);
    const std::int64_t offset = items[1]->integer;
    std::int64_t last = offset;  // the element that lies farthest
    bool fits = offset >= 0 && sizes.size() == strides.size(), empty = false;
    for (std::size_t i = 0; fits && i < sizes.size(); ++i) {
      std::int64_t reach = 0;
      fits = sizes[i] >= 0 && strides[i] >= 0 &&
             !__builtin_mul_overflow(std::max<std::int64_t>(sizes[i] - 1, 0), strides[i], &reach) &&
             !__builtin_add_overflow(last, reach, &last);
      empty = empty || sizes[i] == 0;
    }
    if (!fits || (!empty && last >= storage.numel()))
      refuse(fmt::format("reaches beyond its {} stored numbers", storage.numel()));
    return empty ? at::empty(sizes, storage.options()) : storage.as_strided(sizes, strides, offset);
  }

 private:
  /// The call that makes the tensor, also inside a parameter's; null: it is none.
  static const PickleValue* innermost(const PickleValue& value) {
    if (!value.is(Kind::call)) return nullptr;
    if (value.text == "torch._utils._rebuild_tensor_v2" || value.text == "torch._utils._rebuild_tensor")
      return &value;
    const bool parameter = value.text == "torch._utils._rebuild_parameter" ||
                           value.text == "torch._utils._rebuild_parameter_with_state";
    if (!parameter || value.items.empty() || !value.items[0]->is(Kind::call)) return nullptr;
    const auto& inner = *value.items[0];
    return inner.text == "torch._utils._rebuild_tensor_v2" ? &inner : nullptr;
  }

  std::vector<std::int64_t> numbers(const PickleValue& list) const {
    std::vector<std::int64_t> result;
    for (const auto* item : list.items) result.push_back(item->is(Kind::integer) ? item->integer : -1);
    return result;
  }

  /// `id`: ("storage", its class, its key, device, numbers).
  at::Tensor storage_of(const std::vector<const PickleValue*>& id, const std::string& name) {
    if (id.size() < 5 || !id[1]->is(Kind::name) || !id[2]->is(Kind::text))
      throw CheckpointError(
          fmt::format("{}, tensor '{}': its storage is not described as torch.save does", where_, name));
    if (const auto known = storages_.find(id[2]->text); known != storages_.end()) return known->second;
    const auto type = std::find_if(kStorages.begin(), kStorages.end(), [&](const auto& storage) {
      return id[1]->text == std::string("torch.") + storage.first;
    });
    if (type == kStorages.end())
      throw CheckpointError(fmt::format("{}, tensor '{}': a {} is not read here", where_, name, id[1]->text));
    auto [data, bytes] = archive_.getRecord("data/" + id[2]->text);
    const auto size = static_cast<std::int64_t>(bytes / c10::elementSize(type->second));
    const std::shared_ptr<at::DataPtr> owner = std::make_shared<at::DataPtr>(std::move(data));
    auto storage = at::from_blob(
        owner->get(), {size}, [owner](void*) {}, at::TensorOptions(type->second));
    return storages_.emplace(id[2]->text, std::move(storage)).first->second;
  }

  PyTorchStreamReader& archive_;
  std::string where_;
  std::map<std::string, at::Tensor> storages_;
};

bool holds_tensors(const PickleValue& value) {
  return value.is(Kind::dict) &&
         std::any_of(value.entries.begin(), value.entries.end(),
                     [](const auto& entry) { return Tensors::is_tensor(*entry.second); });
}

/// The state dict: in `root`, or `root` itself. Null: there is none, or nobody knows which.
const PickleValue* state_dict_of(const PickleValue& root) {
  for (const char* key : kModelKeys)
    if (const auto* inner = root.find(key); inner && holds_tensors(*inner)) return inner;
  if (holds_tensors(root)) return &root;
  const PickleValue* found = nullptr;
  for (const auto& [key, value] : root.entries)
    if (holds_tensors(*value)) {
      if (found) return nullptr;
      found = value;
    }
  return found;
}

std::string keys_of(const PickleValue& root) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : root.entries)
    if (key->is(Kind::text) && keys.size() < 12) keys.push_back(key->text);
  return keys.empty() ? root.is(Kind::dict) ? "an empty dict" : "something else" : "a dict of " + join(keys);
}

/// The tensors of a dict, or of one in it, that are of a kind that is not read; "" for none.
std::string unreadable_in(const PickleValue& root) {
  std::vector<std::string> found;
  const auto look = [&found](const PickleValue& dict) {
    for (const auto& [key, value] : dict.entries)
      if (key->is(Kind::text) && value->is(Kind::call) && value->text.starts_with("torch.") &&
          value->text.find("_rebuild_") != std::string::npos && !Tensors::is_tensor(*value) &&
          found.size() < 6)
        found.push_back(fmt::format("'{}' ({})", key->text, value->text));
  };
  look(root);
  for (const auto& [key, value] : root.entries) look(*value);
  return join(found);
}

std::optional<double> number_of(const PickleValue& value) {
  if (value.is(Kind::real)) return value.real;
  if (value.is(Kind::integer) || value.is(Kind::boolean)) return static_cast<double>(value.integer);
  return std::nullopt;
}

StoredOptimizer::Group group_of(const PickleValue& stored) {
  StoredOptimizer::Group group;
  for (const auto& [key, value] : stored.entries) {
    if (key->text == "params") {
      for (const auto* member : value->items) group.members.push_back(member->integer);
    } else if (key->text == "param_names") {
      for (const auto* name : value->items) group.names.push_back(name->text);
    } else if (const auto number = number_of(*value)) {
      group.options[key->text] = {*number};
    } else if (value->is(Kind::list)) {
      for (const auto* item : value->items)
        if (const auto one = number_of(*item)) group.options[key->text].push_back(*one);
    }
  }
  return group;
}

/// The optimizer among the entries of `root`, if there is one.
std::optional<StoredOptimizer> optimizer_of(const PickleValue& root, Tensors& tensors) {
  for (const auto& [name, stored] : root.entries) {
    const auto* state = stored->find("state");
    const auto* groups = stored->find("param_groups");
    if (!state || !groups) continue;
    StoredOptimizer optimizer;
    for (const auto* group : groups->items) optimizer.groups.push_back(group_of(*group));
    for (const auto& [number, entries] : state->entries) {
      auto& of_one = optimizer.state[number->integer];
      for (const auto& [key, value] : entries->entries) {
        const auto full = fmt::format("{}.state.{}.{}", name->text, number->integer, key->text);
        if (Tensors::is_tensor(*value))
          of_one[key->text] = tensors.make(*value, full);
        else if (const auto plain = number_of(*value))
          of_one[key->text] = at::scalar_tensor(*plain, at::kDouble);
      }
    }
    return optimizer;
  }
  return std::nullopt;
}

void require_archive(const std::filesystem::path& file) {
  std::array<char, 4> begin{};
  std::ifstream(file, std::ios::binary).read(begin.data(), begin.size());
  if (std::string_view(begin.data(), begin.size()) != "PK\x03\x04")
    throw CheckpointError(fmt::format("{} is no zip archive: an old file of torch.save, or none of it.{}",
                                      file.string(), conversion(file)));
}

[[noreturn]] void refuse_without_tensors(const std::filesystem::path& file, const PickleValue& root) {
  if (const auto unreadable = unreadable_in(root); !unreadable.empty())
    throw CheckpointError(
        fmt::format("{}: its tensors are of a kind that is not read here: {}. Save plain ones, as {{name: "
                    "tensor.to_dense().float() for name, tensor in model.state_dict().items()}}",
                    file.string(), unreadable));
  throw CheckpointError(fmt::format(
      "{} holds {}: no dict, or several, of tensors by name are in it; a whole module is code, and not "
      "read. Save the state dict: torch.save(model.state_dict(), 'weights.pt')",
      file.string(), root.is(Kind::call) ? "an object of " + root.text : keys_of(root)));
}

StoredWeights read(const std::filesystem::path& file) {
  PyTorchStreamReader archive(file.string());
  if (archive.hasRecord("constants.pkl") || !archive.hasRecord("data.pkl"))
    throw CheckpointError(fmt::format(
        "{} is {}. Save its state dict: torch.save(model.state_dict(), 'weights.pt')", file.string(),
        archive.hasRecord("constants.pkl") ? "a TorchScript module" : "an archive without a pickle"));
  if (archive.hasRecord("byteorder")) {
    const auto [order, length] = archive.getRecord("byteorder");
    if (std::string_view(static_cast<const char*>(order.get()), length) != "little")
      throw CheckpointError(
          fmt::format("{} was written on a big-endian machine.{}", file.string(), conversion(file)));
  }
  const auto [bytes, length] = archive.getRecord("data.pkl");
  const Pickle pickle({static_cast<const char*>(bytes.get()), length});
  const auto* dict = state_dict_of(pickle.root());
  if (!dict) refuse_without_tensors(file, pickle.root());
  StoredWeights weights;
  weights.where = file.string();
  Tensors tensors(archive, weights.where);
  for (const auto& [key, value] : dict->entries) {
    if (!key->is(Kind::text) || !Tensors::is_tensor(*value)) continue;
    weights.order.push_back(key->text);
    weights.tensors[key->text] = tensors.make(*value, key->text);
  }
  strip_wrappers(weights);
  weights.optimizer = optimizer_of(pickle.root(), tensors);
  if (const auto* step = pickle.root().find("step"); step && step->is(Kind::integer))
    weights.step = step->integer;
  return weights;
}

}  // namespace

void strip_wrappers(StoredWeights& weights) {
  for (bool again = true; again;) {
    again = false;
    for (const std::string_view prefix : {"module.", "_orig_mod."}) {
      const auto has = [&](const auto& entry) { return entry.first.starts_with(prefix); };
      if (weights.tensors.empty() || !std::all_of(weights.tensors.begin(), weights.tensors.end(), has))
        continue;
      NamedTensors stripped;
      for (auto& [name, tensor] : weights.tensors) stripped[name.substr(prefix.size())] = tensor;
      for (auto& name : weights.order) name = name.substr(prefix.size());
      weights.tensors = std::move(stripped);
      again = true;
    }
  }
}

StoredWeights read_torch_file(const std::filesystem::path& file) {
  require_archive(file);
  try {
    return read(file);
  } catch (const c10::Error& error) {  // of the archive
    throw CheckpointError(
        fmt::format("{} cannot be read: {}", file.string(), error.what_without_backtrace()));
  } catch (const DataError& error) {
    throw CheckpointError(fmt::format("{}: {}.{}", file.string(), error.what(), conversion(file)));
  }
}

}  // namespace ringtrain

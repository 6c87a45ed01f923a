#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ringtrain {

/// What a pickle describes. Nothing of it is run: a function that it would call, or a class that it would
/// make an object of, is a name with its arguments.
struct PickleValue {
  enum class Kind { none, boolean, integer, real, text, list, dict, name, call, reference, other };
  Kind kind = Kind::none;
  std::int64_t integer = 0;  ///< of a boolean too
  double real = 0;
  std::string text;  ///< of a name and a call: "torch._utils._rebuild_tensor_v2"
  /// Of a list, tuple or set; a call's arguments; the one value that stands for a persistent reference.
  std::vector<const PickleValue*> items;
  std::vector<std::pair<const PickleValue*, const PickleValue*>> entries;  ///< of a dict, in its order

  bool is(Kind other) const { return kind == other; }
  /// A dict's value under a text; null: none.
  const PickleValue* find(std::string_view key) const;
};

/// Python's pickle format (https://docs.python.org/3/library/pickle.html, pickletools), protocols 0 to 5 as
/// far as torch.save writes them. The values belong to it.
class Pickle {
 public:
  /// Throws DataError where `bytes` end too early, use what is not there, or have an instruction that is not
  /// known; the text says which, and at what byte.
  explicit Pickle(std::string_view bytes);
  const PickleValue& root() const { return *root_; }

 private:
  PickleValue* make(PickleValue::Kind kind);
  PickleValue* make_text(PickleValue::Kind kind, std::string text);
  PickleValue* make_integer(std::int64_t value);
  PickleValue* make_list(std::vector<const PickleValue*> items);
  void step(unsigned char instruction);
  void remember(std::uint64_t key);
  void recall(std::uint64_t key);
  void call();
  std::uint64_t number(std::size_t bytes);
  std::string_view take(std::uint64_t bytes);
  std::string_view line();
  PickleValue* pop();
  PickleValue* top();
  std::vector<const PickleValue*> pop_to_mark();
  void push_entries(const std::vector<const PickleValue*>& flat);
  void push_items(const std::vector<const PickleValue*>& more);
  void push_long(std::string_view bytes);
  [[noreturn]] void refuse(std::string_view why) const;

  std::string_view bytes_;
  std::size_t at_ = 0;
  std::deque<PickleValue> values_;
  std::vector<PickleValue*> stack_;
  std::vector<std::size_t> marks_;
  std::map<std::uint64_t, PickleValue*> memory_;
  const PickleValue* root_ = nullptr;
};

}  // namespace ringtrain

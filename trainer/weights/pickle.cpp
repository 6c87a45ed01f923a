#include "trainer/weights/pickle.h"

#include <fmt/format.h>

#include <bit>
#include <cstring>

#include "common/errors.h"

namespace ringtrain {

using Kind = PickleValue::Kind;

const PickleValue* PickleValue::find(std::string_view key) const {
  for (const auto& [name, value] : entries)
    if (name->is(Kind::text) && name->text == key) return value;
  return nullptr;
}

Pickle::Pickle(std::string_view bytes) : bytes_(bytes) {
  while (!root_) step(static_cast<unsigned char>(take(1)[0]));
}

void Pickle::refuse(std::string_view why) const {
  throw DataError(fmt::format("the pickle {} (at byte {} of {})", why, at_, bytes_.size()));
}

PickleValue* Pickle::make(Kind kind) {
  values_.emplace_back().kind = kind;
  return &values_.back();
}
PickleValue* Pickle::make_text(Kind kind, std::string text) {
  auto* value = make(kind);
  value->text = std::move(text);
  return value;
}
PickleValue* Pickle::make_integer(std::int64_t integer) {
  auto* value = make(Kind::integer);
  value->integer = integer;
  return value;
}
PickleValue* Pickle::make_list(std::vector<const PickleValue*> items) {
  auto* value = make(Kind::list);
  value->items = std::move(items);
  return value;
}

std::string_view Pickle::take(std::uint64_t bytes) {
  if (bytes > bytes_.size() - at_) refuse("ends too early");
  const auto taken = bytes_.substr(at_, bytes);
  at_ += bytes;
  return taken;
}
std::uint64_t Pickle::number(std::size_t bytes) {
  std::uint64_t value = 0;
  const auto taken = take(bytes);
  for (std::size_t i = 0; i < bytes; ++i)
    value |= std::uint64_t{static_cast<unsigned char>(taken[i])} << (8 * i);
  return value;
}
std::string_view Pickle::line() {
  const auto end = bytes_.find('\n', at_);
  if (end == std::string_view::npos) refuse("ends too early");
  const auto text = take(end - at_);
  take(1);
  return text;
}

PickleValue* Pickle::top() {
  if (stack_.empty() || (!marks_.empty() && marks_.back() == stack_.size())) refuse("takes a value too many");
  return stack_.back();
}
PickleValue* Pickle::pop() {
  auto* value = top();
  stack_.pop_back();
  return value;
}
std::vector<const PickleValue*> Pickle::pop_to_mark() {
  if (marks_.empty()) refuse("ends a list that it did not begin");
  std::vector<const PickleValue*> items(stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back()),
                                        stack_.end());
  stack_.resize(marks_.back());
  marks_.pop_back();
  return items;
}

void Pickle::remember(std::uint64_t key) { memory_[key] = top(); }
void Pickle::recall(std::uint64_t key) {
  const auto found = memory_.find(key);
  if (found == memory_.end()) refuse("uses a value that it has not");
  stack_.push_back(found->second);
}

/// Into the dict on top.
void Pickle::push_entries(const std::vector<const PickleValue*>& flat) {
  if (flat.size() % 2 != 0) refuse("has a key without a value");
  auto* dict = top();
  for (std::size_t i = 0; i < flat.size(); i += 2) dict->entries.emplace_back(flat[i], flat[i + 1]);
}
/// Into the list on top.
void Pickle::push_items(const std::vector<const PickleValue*>& more) {
  auto* list = top();
  list->items.insert(list->items.end(), more.begin(), more.end());
}

/// Little-endian, two's complement; one of more than 64 bits is no number of ours.
void Pickle::push_long(std::string_view bytes) {
  if (bytes.size() > sizeof(std::int64_t)) {
    stack_.push_back(make(Kind::other));
    return;
  }
  std::uint64_t value = !bytes.empty() && (bytes.back() & 0x80) != 0 ? ~std::uint64_t{0} : 0;
  std::memcpy(&value, bytes.data(), bytes.size());
  stack_.push_back(make_integer(static_cast<std::int64_t>(value)));
}

/// What is on the stack: a name, then its arguments. An ordered dict is a dict; all else stays a name.
void Pickle::call() {
  const auto* arguments = pop();
  const auto* called = pop();
  if (called->text == "collections.OrderedDict" && arguments->items.empty()) {
    stack_.push_back(make(Kind::dict));
    return;
  }
  auto* value = make_text(Kind::call, called->text);
  value->items = arguments->items;
  stack_.push_back(value);
}

void Pickle::step(unsigned char instruction) {
  const auto push = [this](PickleValue* value) { stack_.push_back(value); };
  const auto push_boolean = [&](bool on) {
    push(make(Kind::boolean));
    stack_.back()->integer = on ? 1 : 0;
  };
  const auto text = [&](std::size_t length) {
    push(make_text(Kind::text, std::string(take(number(length)))));
  };
  const auto tuple = [&](std::size_t count) {
    std::vector<const PickleValue*> items(count);
    while (count > 0) items[--count] = pop();
    push(make_list(std::move(items)));
  };
  switch (instruction) {
    case 0x80:
      take(1);
      break;  // PROTO
    case 0x95:
      take(8);
      break;  // FRAME
    case '.':
      root_ = pop();
      break;  // STOP
    case '(':
      marks_.push_back(stack_.size());
      break;  // MARK
    case '0':
      pop();
      break;  // POP
    case '1':
      pop_to_mark();
      break;  // POP_MARK
    case '2':
      push(top());
      break;  // DUP
    case 'q':
      remember(number(1));
      break;  // BINPUT
    case 'r':
      remember(number(4));
      break;  // LONG_BINPUT
    case 0x94:
      remember(memory_.size());
      break;  // MEMOIZE
    case 'h':
      recall(number(1));
      break;  // BINGET
    case 'j':
      recall(number(4));
      break;  // LONG_BINGET
    case 'N':
      push(make(Kind::none));
      break;  // NONE
    case 0x88:
      push_boolean(true);
      break;  // NEWTRUE
    case 0x89:
      push_boolean(false);
      break;  // NEWFALSE
    case 'J':
      push(make_integer(static_cast<std::int32_t>(number(4))));
      break;  // BININT
    case 'K':
      push(make_integer(static_cast<std::int64_t>(number(1))));
      break;  // BININT1
    case 'M':
      push(make_integer(static_cast<std::int64_t>(number(2))));
      break;  // BININT2
    case 0x8a:
      push_long(take(number(1)));
      break;  // LONG1
    case 0x8b:
      push_long(take(number(4)));
      break;     // LONG4
    case 'G': {  // BINFLOAT, big-endian
      push(make(Kind::real));
      stack_.back()->real = std::bit_cast<double>(__builtin_bswap64(number(8)));
      break;
    }
    case 'U':   // SHORT_BINSTRING
    case 'C':   // SHORT_BINBYTES
    case 0x8c:  // SHORT_BINUNICODE
      text(1);
      break;
    case 'T':  // BINSTRING
    case 'B':  // BINBYTES
    case 'X':  // BINUNICODE
      text(4);
      break;
    case 0x8d:  // BINUNICODE8
    case 0x8e:  // BINBYTES8
    case 0x96:  // BYTEARRAY8
      text(8);
      break;
    case '}':
      push(make(Kind::dict));
      break;    // EMPTY_DICT
    case ']':   // EMPTY_LIST
    case ')':   // EMPTY_TUPLE
    case 0x8f:  // EMPTY_SET
      push(make(Kind::list));
      break;
    case 0x85:
      tuple(1);
      break;  // TUPLE1
    case 0x86:
      tuple(2);
      break;  // TUPLE2
    case 0x87:
      tuple(3);
      break;  // TUPLE3
    case 't':
    case 'l':
    case 0x91: {  // TUPLE, LIST, FROZENSET
      auto items = pop_to_mark();
      push(make_list(std::move(items)));
      break;
    }
    case 'd': {  // DICT
      const auto flat = pop_to_mark();
      push(make(Kind::dict));
      push_entries(flat);
      break;
    }
    case 's': {  // SETITEM
      const auto* value = pop();
      const auto* key = pop();
      push_entries({key, value});
      break;
    }
    case 'u':
      push_entries(pop_to_mark());
      break;  // SETITEMS
    case 'a':
      push_items({pop()});
      break;  // APPEND
    case 'e':
    case 0x90:
      push_items(pop_to_mark());
      break;     // APPENDS, ADDITEMS
    case 'c': {  // GLOBAL
      const std::string module(line());
      push(make_text(Kind::name, module + "." + std::string(line())));
      break;
    }
    case 0x93: {  // STACK_GLOBAL
      const auto* name = pop();
      push(make_text(Kind::name, pop()->text + "." + name->text));
      break;
    }
    case 'R':
    case 0x81:
      call();
      break;  // REDUCE, NEWOBJ
    case 0x92:
      pop();
      call();
      break;  // NEWOBJ_EX
    case 'b':
      pop();
      top();
      break;     // BUILD: an object's attributes
    case 'Q': {  // BINPERSID
      const auto* id = pop();
      push(make(Kind::reference));
      stack_.back()->items = {id};
      break;
    }
    default:
      refuse(fmt::format("has an instruction 0x{:02x} that is not known", instruction));
  }
}

}  // namespace ringtrain

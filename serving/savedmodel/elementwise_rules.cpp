#include <ATen/ATen.h>

#include <algorithm>

#include "serving/savedmodel/translator.h"

/// Operators that work element by element, along one dimension, or move data.
namespace ringtrain::tensorflow {
namespace {

using Value = Translation::Value;

constexpr auto kInt32 = DataType::int32;

/// An operator with the same inputs under TensorFlow's name.
template <const char* name>
Value same(const Operation& o) {
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < o.size(); ++i) inputs.push_back(o.input(i));
  return {o.add(name, std::move(inputs)), o.type()};
}

template <const char* name>
Value compared(const Operation& o) {
  return {o.add(name, {o.input(0), o.input(1)}), DataType::boolean};
}

#define RINGTRAIN_NAME(id, text) constexpr char id[] = text  // NOLINT(bugprone-macro-parentheses)
RINGTRAIN_NAME(kAdd, "AddV2");
RINGTRAIN_NAME(kSub, "Sub");
RINGTRAIN_NAME(kMul, "Mul");
RINGTRAIN_NAME(kDiv, "RealDiv");
RINGTRAIN_NAME(kRelu, "Relu");
RINGTRAIN_NAME(kTanh, "Tanh");
RINGTRAIN_NAME(kSigmoid, "Sigmoid");
RINGTRAIN_NAME(kExp, "Exp");
RINGTRAIN_NAME(kLog, "Log");
RINGTRAIN_NAME(kSqrt, "Sqrt");
RINGTRAIN_NAME(kNeg, "Neg");
RINGTRAIN_NAME(kErf, "Erf");
RINGTRAIN_NAME(kIdentity, "Identity");
RINGTRAIN_NAME(kEqual, "Equal");
RINGTRAIN_NAME(kGreaterEqual, "GreaterEqual");
#undef RINGTRAIN_NAME

Value is_nan(const Operation& o) { return {o.add("IsNan", {o.input(0)}), DataType::boolean}; }

Value where(const Operation& o) {
  return {o.add("SelectV2", {o.input(0), o.input(1), o.input(2)}, {{"T", o.type(1)}}), o.type(1)};
}

Value cast(const Operation& o) {
  DataType to = DataType::float32;
  switch (static_cast<onnx::ElementType>(o.integer("to", 0))) {
    case onnx::ElementType::float32:
      break;
    case onnx::ElementType::float64:
      to = DataType::float64;
      break;
    case onnx::ElementType::int64:
      to = DataType::int64;
      break;
    case onnx::ElementType::boolean:
      to = DataType::boolean;
      break;
    default:
      o.fail("a type that is not float32, float64, int64 or bool");
  }
  return {o.graph().add("Cast", {o.input(0)}, {{"SrcT", o.type()}, {"DstT", to}}), to};
}

constexpr std::size_t kMostWords = 10'001;  // a missing one among them

/// The place of a word: compared with all words, each with its number less the default, the sum and the
/// default.
Value label_encoder(const Operation& o) {
  auto& g = o.graph();
  const auto words = o.texts("keys_strings");
  if (words.size() > kMostWords)
    o.fail("it has more than 10,000 words, and TensorFlow would compare each row with each of them");
  const auto places = o.list("values_int64s");
  const auto otherwise = o.integer("default_int64", -1);
  const auto column =
      g.add("ExpandDims", {o.input(0), g.axis(1)}, {{"T", DataType::string}, {"Tdim", kInt32}});
  const auto equal = g.add("Equal", {column, g.constant(words, "words")}, {{"T", DataType::string}});
  const auto ones = g.add("Cast", {equal}, {{"SrcT", DataType::boolean}, {"DstT", DataType::int64}});
  const Attributes whole{{"T", DataType::int64}};
  const auto each =
      g.add("Mul", {ones, g.constant(at::tensor(places, at::kLong) - otherwise, "places")}, whole);
  const auto sum =
      g.add("Sum", {each, g.axes({1})}, {{"T", DataType::int64}, {"Tidx", kInt32}, {"keep_dims", false}});
  return {g.add("AddV2", {sum, g.constant(at::scalar_tensor(otherwise, at::kLong), "default")}, whole),
          DataType::int64, 1};
}

Value leaky_relu(const Operation& o) {
  return {o.add("LeakyRelu", {o.input(0)}, {{"alpha", o.number("alpha", 0.01F)}}), o.type()};
}

Value elu(const Operation& o) {
  if (o.number("alpha", 1) != 1) o.fail("alpha must be 1");
  return {o.add("Elu", {o.input(0)}), o.type()};
}

Value clip(const Operation& o) {
  auto result = o.input(0);
  if (o.has(1)) result = o.add("Maximum", {result, o.input(1)});
  if (o.has(2)) result = o.add("Minimum", {result, o.input(2)});
  return {result, o.type()};
}

/// exp(x - max) / sum: along any dimension, where TensorFlow's own takes the last one.
Value softmax(const Operation& o) {
  const bool logarithm = o.op() == "LogSoftmax";
  const auto axis = o.integer("axis", -1);
  auto& g = o.graph();
  const Attributes reduced{{"Tidx", kInt32}, {"keep_dims", true}};
  const auto shifted = o.add("Sub", {o.input(0), o.add("Max", {o.input(0), g.axes({axis})}, reduced)});
  const auto powers = o.add("Exp", {shifted});
  const auto sum = o.add("Sum", {powers, g.axes({axis})}, reduced);
  if (logarithm) return {o.add("Sub", {shifted, o.add("Log", {sum})}), o.type()};
  return {o.add("RealDiv", {powers, sum}), o.type()};
}

Value reduce(const Operation& o) {
  const bool sum = o.op() == "ReduceSum";
  const auto axes = sum ? o.integers(1) : o.list("axes");
  const bool keep = o.integer("keepdims", 1) != 0;
  return {o.add(sum ? "Sum" : "Mean", {o.input(0), o.graph().axes(axes)},
                {{"Tidx", kInt32}, {"keep_dims", keep}}),
          o.type(), o.rank() - (keep ? 0 : static_cast<std::int64_t>(axes.size()))};
}

Value arg_max(const Operation& o) {
  auto& g = o.graph();
  const auto axis = o.integer("axis", 0);
  auto place =
      o.add("ArgMax", {o.input(0), g.axis(axis)}, {{"Tidx", kInt32}, {"output_type", DataType::int64}});
  const bool keep = o.integer("keepdims", 1) != 0;
  if (keep) place = g.add("ExpandDims", {place, g.axis(axis)}, {{"T", DataType::int64}, {"Tdim", kInt32}});
  return {place, DataType::int64, o.rank() - (keep ? 0 : 1)};
}

Value concat(const Operation& o) {
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < o.size(); ++i) inputs.push_back(o.input(i));
  const auto count = static_cast<std::int64_t>(inputs.size());
  inputs.push_back(o.graph().axis(o.integer("axis", 0)));
  return {o.add("ConcatV2", std::move(inputs), {{"N", count}, {"Tidx", kInt32}}), o.type()};
}

Value unsqueeze(const Operation& o) {
  const auto axes = o.integers(1);
  if (axes.size() != 1) o.fail("several axes");
  return {o.add("ExpandDims", {o.input(0), o.graph().axis(axes[0])}, {{"Tdim", kInt32}}), o.type(),
          o.rank() + 1};
}

Value squeeze(const Operation& o) {
  return {o.add("Squeeze", {o.input(0)}, {{"squeeze_dims", o.integers(1)}}), o.type(),
          o.rank() - static_cast<std::int64_t>(o.integers(1).size())};
}

Value transpose(const Operation& o) {
  return {o.add("Transpose", {o.input(0), o.graph().axes(o.list("perm"))}, {{"Tperm", kInt32}}), o.type()};
}

/// ONNX's 0, a size as in the input, stands for the batch alone; TensorFlow has -1 for one size.
Value reshape(const Operation& o) {
  auto sizes = o.integers(1);
  const bool batch = !sizes.empty() && sizes[0] == 0;
  if (batch) sizes[0] = -1;
  if (std::count(sizes.begin(), sizes.end(), -1) > 1 || std::count(sizes.begin(), sizes.end(), 0) > 0)
    o.fail("more than one size depends on the batch");
  return {o.add("Reshape", {o.input(0), o.graph().axes(sizes)}, {{"Tshape", kInt32}}), o.type(),
          static_cast<std::int64_t>(sizes.size())};
}

/// Slice(x, begins, ends, axes) with constants.
Value slice(const Operation& o) {
  const auto begins = o.integers(1), ends = o.integers(2), axes = o.integers(3);
  if (axes.size() != 1 || axes[0] < 1 || ends[0] < 0 || begins[0] < 0)
    o.fail("only one dimension, from the front");
  std::vector<std::int64_t> from(static_cast<std::size_t>(axes[0]) + 1, 0), to = from, step = from;
  std::fill(step.begin(), step.end(), 1);
  from.back() = begins[0];
  to.back() = ends[0];
  const std::int64_t whole = (std::int64_t{1} << axes[0]) - 1;  // the dimensions before it
  auto& g = o.graph();
  return {o.add("StridedSlice", {o.input(0), g.axes(from), g.axes(to), g.axes(step)},
                {{"Index", kInt32},
                 {"begin_mask", whole},
                 {"end_mask", whole},
                 {"ellipsis_mask", std::int64_t{0}},
                 {"new_axis_mask", std::int64_t{0}},
                 {"shrink_axis_mask", std::int64_t{0}}}),
          o.type()};
}

Value gather(const Operation& o) {
  return {o.graph().add("GatherV2", {o.input(0), o.input(1), o.graph().axis(o.integer("axis", 0))},
                        {{"Tparams", o.type()},
                         {"Tindices", o.type(1)},
                         {"Taxis", kInt32},
                         {"batch_dims", std::int64_t{0}}}),
          o.type(), o.rank() + o.rank(1) - 1};
}

}  // namespace

void add_elementwise_rules(std::map<std::string, Rule>& table) {
  table["Add"] = same<kAdd>;
  table["Sub"] = same<kSub>;
  table["Mul"] = same<kMul>;
  table["Div"] = same<kDiv>;
  table["Relu"] = same<kRelu>;
  table["Tanh"] = same<kTanh>;
  table["Sigmoid"] = same<kSigmoid>;
  table["Exp"] = same<kExp>;
  table["Log"] = same<kLog>;
  table["Sqrt"] = same<kSqrt>;
  table["Neg"] = same<kNeg>;
  table["Erf"] = same<kErf>;
  table["Identity"] = same<kIdentity>;
  table["Equal"] = compared<kEqual>;
  table["GreaterOrEqual"] = compared<kGreaterEqual>;
  table["IsNaN"] = is_nan;
  table["Where"] = where;
  table["Cast"] = cast;
  table["LabelEncoder"] = label_encoder;
  table["LeakyRelu"] = leaky_relu;
  table["Elu"] = elu;
  table["Clip"] = clip;
  table["Softmax"] = softmax;
  table["LogSoftmax"] = softmax;
  table["ReduceSum"] = reduce;
  table["ReduceMean"] = reduce;
  table["ArgMax"] = arg_max;
  table["Concat"] = concat;
  table["Unsqueeze"] = unsqueeze;
  table["Squeeze"] = squeeze;
  table["Transpose"] = transpose;
  table["Reshape"] = reshape;
  table["Slice"] = slice;
  table["Gather"] = gather;
}

}  // namespace ringtrain::tensorflow

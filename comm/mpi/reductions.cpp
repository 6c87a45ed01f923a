#include "comm/mpi/reductions.h"

#include <fmt/format.h>

#include "comm/arithmetic.h"
#include "common/errors.h"

namespace ringtrain::mpi {
namespace {

// The signature of MPI_User_function.
template <class T, ReduceOp op>
void reduce(void* in, void* in_out, int* count, MPI_Datatype*) {
  using A = arithmetic::Accumulator<T>;
  const T* a = static_cast<const T*>(in);
  T* b = static_cast<T*>(in_out);
  for (int i = 0, n = *count; i < n; ++i)
    b[i] = static_cast<T>(arithmetic::combine<op, A>(static_cast<A>(a[i]), static_cast<A>(b[i])));
}

}  // namespace

void check(int code, const char* call) {
  if (code == MPI_SUCCESS) return;
  char text[MPI_MAX_ERROR_STRING];
  int length = 0;
  if (MPI_Error_string(code, text, &length) != MPI_SUCCESS) length = 0;
  throw CommError(fmt::format(
      "{} failed: {}", call,
      length > 0 ? std::string(text, static_cast<std::size_t>(length)) : fmt::format("MPI error {}", code)));
}

MPI_Datatype datatype_of(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return MPI_FLOAT;
    case at::kDouble:
      return MPI_DOUBLE;
    case at::kBFloat16:
    case at::kHalf:
      return MPI_UINT16_T;
    case at::kLong:
      return MPI_INT64_T;
    case at::kInt:
      return MPI_INT32_T;
    default:
      return MPI_UINT8_T;
  }
}

template <class T, ReduceOp op>
void Reductions::add(at::ScalarType type) {
  MPI_Op made = MPI_OP_NULL;
  check(MPI_Op_create(&reduce<T, op>, /*commute=*/1, &made), "MPI_Op_create");
  own_[{type, op}] = made;
}

Reductions::Reductions() {
  add<c10::BFloat16, ReduceOp::sum>(at::kBFloat16);
  add<c10::BFloat16, ReduceOp::max>(at::kBFloat16);
  add<c10::BFloat16, ReduceOp::min>(at::kBFloat16);
  add<c10::Half, ReduceOp::sum>(at::kHalf);
  add<c10::Half, ReduceOp::max>(at::kHalf);
  add<c10::Half, ReduceOp::min>(at::kHalf);
  add<float, ReduceOp::max>(at::kFloat);
  add<float, ReduceOp::min>(at::kFloat);
  add<double, ReduceOp::max>(at::kDouble);
  add<double, ReduceOp::min>(at::kDouble);
}

Reductions::~Reductions() = default;

MPI_Op Reductions::operation(at::ScalarType type, ReduceOp op) const {
  if (const auto found = own_.find({type, op}); found != own_.end()) return found->second;
  return op == ReduceOp::sum ? MPI_SUM : op == ReduceOp::max ? MPI_MAX : MPI_MIN;
}

void Reductions::free() {
  for (auto& [key, operation] : own_) check(MPI_Op_free(&operation), "MPI_Op_free");
  own_.clear();
}

}  // namespace ringtrain::mpi

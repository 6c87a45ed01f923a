#pragma once

#include <ATen/core/Tensor.h>

#include "comm/communicator.h"

namespace ringtrain {

/// Batch normalisation in training (Ioffe and Szegedy 2015) by the statistics of the joined batch of all
/// ranks: what nn::BatchNorm computes on one rank that holds all samples, value, gradients and running
/// statistics.
///
/// `x`: [n, channels, ...]; n differs between ranks and may be 0. `weight`, `bias`, `running_mean`,
/// `running_var`: [channels], of one floating type; `x` may also be bfloat16 or float16 beside float32.
/// `weight` and `bias` may be undefined: 1 and 0. The running ones are updated in place, to the same bits on
/// every rank. The gradients of weight and bias are this rank's share: they are summed over ranks like all
/// others.
///
/// Collective, and so is its backward: forward joins mean, sum of squared deviations and count of each rank
/// (one all_gather of 2·channels + 1 float64 numbers; merged by Chan, Golub and LeVeque 1979), backward sums
/// 2 numbers a channel. Every rank makes the same calls in the same order, ranks without samples too.
/// Made of ATen operations that the CPU and CUDA have.
///
/// `communicator` is used for nothing else meanwhile and outlives backward. Throws CommError; and
/// TrainingError, on all ranks alike, when the joined batch has one value a channel.
at::Tensor sync_batch_norm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias,
                           const at::Tensor& running_mean, const at::Tensor& running_var, double momentum,
                           double epsilon, Communicator& communicator);

}  // namespace ringtrain

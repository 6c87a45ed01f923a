#include "trainer/telemetry/histograms.h"

#include <ATen/ATen.h>

namespace ringtrain {

Histogram histogram_of(const at::Tensor& tensor) {
  constexpr std::int64_t kBins = 30;
  at::Tensor numbers = tensor.detach().to(at::kDouble).reshape({-1}).cpu();
  numbers = numbers.masked_select(numbers.isfinite());
  Histogram histogram;
  histogram.numbers = numbers.numel();
  if (histogram.numbers == 0) return histogram;
  histogram.least = numbers.min().item<double>();
  histogram.most = numbers.max().item<double>();
  histogram.sum = numbers.sum().item<double>();
  histogram.sum_of_squares = numbers.square().sum().item<double>();
  if (histogram.least == histogram.most) {
    histogram.limits = {histogram.most};
    histogram.counts = {static_cast<double>(histogram.numbers)};
    return histogram;
  }
  const auto counts = at::histc(numbers, kBins, histogram.least, histogram.most);
  const double width = (histogram.most - histogram.least) / kBins;
  for (std::int64_t i = 0; i < kBins; ++i) {
    histogram.limits.push_back(i + 1 < kBins ? histogram.least + width * static_cast<double>(i + 1)
                                             : histogram.most);
    histogram.counts.push_back(counts[i].item<double>());
  }
  return histogram;
}

void tell_histograms(Telemetry& telemetry, std::int64_t step, const torch::nn::Module& model,
                     bool with_gradients) {
  if (!telemetry.has_board()) return;
  for (const auto& parameter : model.named_parameters()) {
    telemetry.histogram("weights/" + parameter.key(), step, parameter.value());
    if (with_gradients && parameter.value().grad().defined())
      telemetry.histogram("gradients/" + parameter.key(), step, parameter.value().grad());
  }
}

}  // namespace ringtrain

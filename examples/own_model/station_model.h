// A network of one's own: `model: {type: station, width: 4, hidden: 16}`.
#pragma once

#include <ATen/ATen.h>
#include <torch/nn/modules/embedding.h>
#include <torch/nn/modules/linear.h>

#include <cstdint>
#include <memory>
#include <string>

#include "rides_data.h"
#include "ringtrain/models/network.h"

namespace rides {

/// A module as anybody writes one, with two inputs: which station, and some numbers.
struct StationNet : torch::nn::Module {
  StationNet(std::int64_t stations, std::int64_t width, std::int64_t units, std::int64_t outputs)
      : station(register_module("station", torch::nn::Embedding(stations, width))),
        hidden(register_module("hidden", torch::nn::Linear(width + kNumbers, units))),
        output(register_module("output", torch::nn::Linear(units, outputs))) {}

  at::Tensor forward(const at::Tensor& stations, const at::Tensor& numbers) {
    return output(at::relu(hidden(at::cat({station(stations), numbers}, 1))));
  }

  torch::nn::Embedding station;
  torch::nn::Linear hidden, output;
};

/// What a configuration chooses, and its options. Each option is described once: for the YAML reader, for
/// errors
/// ("Did you mean") and for `rides config model.station`.
class StationKind : public ringtrain::ModelKind {
 public:
  // Each configuration has a copy with options of its own.
  std::shared_ptr<ModelKind> clone() const override { return std::make_shared<StationKind>(*this); }
  std::string name() const override { return "station"; }
  std::string doc() const override { return "An embedding of the station, beside numbers."; }
  void describe(ringtrain::config::Visitor& v) override {
    v.field("width", width_, "Numbers of a station's embedding.", ringtrain::config::at_least(1));
    v.field("hidden", hidden_, "Width of the hidden layer.", ringtrain::config::at_least(1));
  }

  // `shape.features` comes from the data: here the number of stations. `shape.outputs` comes from the task.
  ringtrain::Network make(const ringtrain::ModelShape& shape) const override {
    const auto net = std::make_shared<StationNet>(shape.features, width_, hidden_, shape.outputs);
    // How a batch is handed to the module: its tensors have the names that the data gave them. The module
    // lives as long as this function.
    return {net, [&taker = *net](const ringtrain::Fields& inputs) {
              return taker.forward(inputs.at("station"), inputs.at("numbers"));
            }};
  }

 private:
  std::int64_t width_ = 4, hidden_ = 16;
};

}  // namespace rides

#pragma once

#include <cstdint>

#include "models/published_form.h"

namespace ringtrain {

/// GPT-2 as Hugging Face's transformers has it (GPT2LMHeadModel, GPT2Model), and as nanoGPT names it. The
/// former's linear maps are Conv1D, [in, out]; the latter's [out, in], as here. Which of them it is shows in
/// h.*.attn.c_attn.weight, which is never square.
class GptPublished : public PublishedForm {
 public:
  GptPublished(std::int64_t heads, double dropout) : heads_(heads), dropout_(dropout) {}
  std::string name() const override { return "huggingface"; }
  std::map<std::string, WeightPlace> places(const Tensors& stored) const override;
  std::vector<std::string> differences(const std::string& config) const override;
  Written write(const Tensors& own) const override;

 private:
  std::int64_t heads_;
  double dropout_;
};

}  // namespace ringtrain

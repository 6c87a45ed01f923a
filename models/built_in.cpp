#include "models/convnet.h"
#include "models/gpt.h"
#include "models/linear.h"
#include "models/mlp.h"
#include "models/resnet.h"

namespace ringtrain {

std::vector<std::shared_ptr<ModelKind>> built_in_models() {
  return {std::make_shared<LinearKind>(), std::make_shared<MlpKind>(), std::make_shared<ConvnetKind>(),
          std::make_shared<ResnetKind>(), std::make_shared<GptKind>()};
}

}  // namespace ringtrain

#include "models/convnet.h"
#include "models/linear.h"
#include "models/mlp.h"

namespace ringtrain {

std::vector<std::shared_ptr<ModelKind>> built_in_models() {
  return {std::make_shared<LinearKind>(), std::make_shared<MlpKind>(), std::make_shared<ConvnetKind>()};
}

}  // namespace ringtrain

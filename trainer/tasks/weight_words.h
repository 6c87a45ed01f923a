#pragma once

#include <optional>
#include <string>
#include <vector>

namespace ringtrain {

/// Weights of classes or labels as a configuration has them: the word none, the word balanced, or a number
/// each. Whether they are this one word.
bool is_word(const std::vector<std::string>& weights, const char* word);

/// The numbers; nothing where one is not positive and finite, or there are none.
std::optional<std::vector<double>> positive_numbers(const std::vector<std::string>& weights);

/// One number for each name. `field`: "task.class_weights"; `one`: "class". Throws ConfigError for another
/// count.
std::vector<double> numbers_for(const std::vector<std::string>& weights,
                                const std::vector<std::string>& names, const char* field, const char* one);

}  // namespace ringtrain

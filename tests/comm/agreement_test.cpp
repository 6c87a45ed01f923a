#include "comm/agreement.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <c10/util/Exception.h>

#include <array>
#include <stdexcept>

#include "comm/backends.h"
#include "comm/local/local_communicator.h"

namespace ringtrain {
namespace {

std::string host() {
  char name[256] = {};
  gethostname(name, sizeof(name) - 1);
  return name;
}

// What each of `ranks` ranks caught when `body(rank)` ran under `together`.
struct Caught {
  std::string text = "nothing";
  int exit_code = 0;
  bool is_peer = false;
};
std::vector<Caught> caught(int ranks, const std::function<void(int)>& body,
                           const std::string& phase = "reading the data") {
  std::vector<Caught> all(static_cast<std::size_t>(ranks));
  run_as_threads(ranks, [&](Communicator& control) {
    Caught& mine = all[static_cast<std::size_t>(control.rank())];
    try {
      together(control, phase, [&] { body(control.rank()); });
    } catch (const PeerError& error) {
      mine = {error.what(), error.exit_code(), true};
    } catch (const Error& error) {
      mine = {error.what(), error.exit_code(), false};
    }
    control.barrier();  // all are still in step
  });
  return all;
}

TEST(Together, NothingFails) {
  int ran = 0;
  LocalCommunicator alone;
  together(alone, "nothing", [&] { ++ran; });
  EXPECT_EQ(ran, 1);
  for (const Caught& one : caught(3, [](int) {})) EXPECT_EQ(one.text, "nothing");
}

TEST(Together, OneRankFails) {
  const auto all = caught(3, [](int rank) {
    if (rank == 1) throw DataError("row 7 is torn\nin file x");
  });
  EXPECT_EQ(all[0].text,
            "rank 1 of 3 (host " + host() + ") failed while reading the data: row 7 is torn\nin file x");
  for (const Caught& one : all) EXPECT_EQ(one.exit_code, 3);
  EXPECT_FALSE(all[0].is_peer);
  EXPECT_TRUE(all[1].is_peer);
  EXPECT_TRUE(all[2].is_peer);
}

TEST(Together, RankZeroFailsAlone) {
  const auto all = caught(2, [](int rank) {
    if (rank == 0) throw CheckpointError("step-3 is damaged");
  });
  EXPECT_EQ(all[0].text,
            "rank 0 of 2 (host " + host() + ") failed while reading the data: step-3 is damaged");
  EXPECT_EQ(all[0].exit_code, 5);
  EXPECT_TRUE(all[1].is_peer);
}

TEST(Together, AllFailAlike) {
  const auto all = caught(3, [](int) { throw ConfigError("lr: expected a positive number"); });
  EXPECT_EQ(all[0].text, "lr: expected a positive number");
  EXPECT_EQ(all[0].exit_code, 2);
  EXPECT_EQ(all[2].exit_code, 2);
}

TEST(Together, SeveralFailAlike) {
  const auto all = caught(4, [](int rank) {
    if (rank >= 2) throw DataError("no such file");
  });
  EXPECT_EQ(all[0].text, "ranks 2, 3 of 4 (host " + host() + ") failed while reading the data: no such file");
}

TEST(Together, SeveralFailDifferently) {
  const auto all = caught(4, [](int rank) {
    if (rank == 1 || rank == 3) throw TrainingError("the loss is not finite");
    if (rank == 2) throw std::runtime_error("the disk is full");
  });
  EXPECT_EQ(all[0].text, "3 of 4 ranks failed while reading the data:\n  ranks 1, 3 of 4 (host " + host() +
                             "): the loss is not finite\n  rank 2 of 4 (host " + host() +
                             "): the disk is full");
  EXPECT_EQ(all[0].exit_code, 7);  // the first one's
}

TEST(Together, OtherExceptions) {
  EXPECT_EQ(caught(1, [](int) { throw std::bad_alloc(); })[0].text, "out of memory");
  EXPECT_EQ(caught(1, [](int) { throw 7; })[0].text, "an exception of unknown type");
  EXPECT_EQ(caught(1, [](int) { TORCH_CHECK(false, "shapes do not match"); })[0].text, "shapes do not match");
  const auto full = caught(1, [](int) {
    TORCH_CHECK_WITH(OutOfMemoryError, false, "CUDA out of memory. Tried to allocate 2.00 GiB.\nSee also");
  });
  EXPECT_EQ(full[0].text.find("CUDA out of memory. Tried to allocate 2.00 GiB.; nvidia-smi shows"), 0u)
      << full[0].text;
  EXPECT_EQ(full[0].text.find("See also"), std::string::npos);
  EXPECT_EQ(caught(1, [](int) { throw std::runtime_error("plain"); })[0].exit_code, 1);
}

TEST(Together, EmptyTextIsStillAFailure) {
  const auto all = caught(2, [](int rank) {
    if (rank == 1) throw Error("", 42);
  });
  EXPECT_EQ(all[0].exit_code, 42);
  EXPECT_TRUE(all[1].is_peer);
}

// The message of the inner phase comes through an outer one unchanged.
TEST(Together, Nested) {
  std::array<std::string, 2> texts;
  run_as_threads(2, [&](Communicator& control) {
    try {
      together(control, "training", [&] {
        together(control, "reading the data", [&] {
          if (control.rank() == 1) throw DataError("row 7 is torn");
        });
      });
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 3);
      texts[static_cast<std::size_t>(control.rank())] = error.what();
    }
  });
  EXPECT_EQ(texts[0], "rank 1 of 2 (host " + host() + ") failed while reading the data: row 7 is torn");
}

// Rank 0 may add to the message; ranks that only heard of the failure add nothing.
TEST(Together, NestedWithMoreText) {
  std::string text;
  run_as_threads(3, [&](Communicator& control) {
    try {
      together(control, "training", [&] {
        try {
          together(control, "reading the data", [&] {
            if (control.rank() == 1) throw DataError("row 7 is torn");
          });
        } catch (const DataError& error) {  // rank 0
          throw DataError(std::string("epoch 2: ") + error.what());
        }
      });
    } catch (const Error& error) {
      EXPECT_EQ(error.exit_code(), 3);
      if (control.rank() == 0) text = error.what();
    }
  });
  EXPECT_EQ(text, "epoch 2: rank 1 of 3 (host " + host() + ") failed while reading the data: row 7 is torn");
}

TEST(Together, TheTypeIsKeptOnRankZero) {
  LocalCommunicator alone;
  EXPECT_THROW(together(alone, "x", [] { throw ConfigError("a"); }), ConfigError);
  EXPECT_THROW(together(alone, "x", [] { throw DataError("a"); }), DataError);
  EXPECT_THROW(together(alone, "x", [] { throw CommError("a"); }), CommError);
  EXPECT_THROW(together(alone, "x", [] { throw CheckpointError("a"); }), CheckpointError);
  EXPECT_THROW(together(alone, "x", [] { throw ExportError("a"); }), ExportError);
  EXPECT_THROW(together(alone, "x", [] { throw TrainingError("a"); }), TrainingError);
}

// No failure costs one small all_gather.
TEST(Together, IsCheapWhenAllIsWell) {
  struct Counting : LocalCommunicator {
    int calls = 0;
    std::int64_t elements = 0;
    Work do_all_gather(const at::Tensor& output, const at::Tensor& input) override {
      ++calls;
      elements += input.numel();
      output.copy_(input);
      return {};
    }
  } control;
  together(control, "nothing", [] {});
  EXPECT_EQ(control.calls, 1);
  EXPECT_EQ(control.elements, 1);
}

TEST(Strings, AreGatheredInRankOrder) {
  const std::vector<std::string> parts{"", "a", std::string("b\0c", 3), std::string(100000, 'x')};
  run_as_threads(4, [&](Communicator& control) {
    EXPECT_EQ(all_gather_strings(control, parts[static_cast<std::size_t>(control.rank())]), parts);
    EXPECT_EQ(all_gather_strings(control, ""), std::vector<std::string>(4));
  });
}

TEST(Strings, AreBroadcastFromAnyRank) {
  run_as_threads(3, [&](Communicator& control) {
    for (int root = 0; root < 3; ++root) {
      const std::string mine(static_cast<std::size_t>(control.rank() * 7), 'a');
      EXPECT_EQ(broadcast_string(control, mine, root), std::string(static_cast<std::size_t>(root * 7), 'a'));
    }
  });
}

std::string disagreement(const std::vector<std::string>& values) {
  std::string text = "all agree";
  run_as_threads(static_cast<int>(values.size()), [&](Communicator& control) {
    try {
      agree_on(control, "the seed", values[static_cast<std::size_t>(control.rank())]);
    } catch (const ConfigError& error) {
      if (control.rank() == 0) text = error.what();
      EXPECT_EQ(error.exit_code(), 2);
      return;
    }
    EXPECT_EQ(values, std::vector<std::string>(values.size(), values[0]));
  });
  return text;
}

TEST(AgreeOn, NamesTheFirstRankThatDiffers) {
  EXPECT_EQ(disagreement({"1", "1", "1"}), "all agree");
  EXPECT_EQ(disagreement({"1", "1", "2", "3"}),
            "the seed differs between ranks: rank 0 has '1', rank 2 has '2'; start all ranks alike");
  EXPECT_EQ(disagreement({"", "x"}),
            "the seed differs between ranks: rank 0 has '', rank 1 has 'x'; start all ranks alike");
}

TEST(AgreeOn, ShowsTheDifferenceOfLongValues) {
  const std::string long_text(5000, 'a');
  const std::string text =
      disagreement({long_text + "epochs: 3" + long_text, long_text + "epochs: 4" + long_text});
  EXPECT_LT(text.size(), 400u);
  EXPECT_NE(text.find("epochs: 3"), std::string::npos) << text;
  EXPECT_NE(text.find("epochs: 4"), std::string::npos) << text;
}

TEST(AgreeOn, ShowsTheLineThatDiffers) {
  const std::string head = "trainer:\n  seed: 1\n", tail = "data:\n  file: x.csv\n";
  EXPECT_EQ(disagreement({head + "  epochs: 3\n" + tail, head + "  epochs: 40\n" + tail}),
            "the seed differs between ranks: rank 0 has 'epochs: 3', rank 1 has 'epochs: 40'; start all "
            "ranks alike");
  EXPECT_EQ(disagreement({head, head + tail}),
            "the seed differs between ranks: rank 0 has '', rank 1 has 'data:'; start all ranks alike");
}

}  // namespace
}  // namespace ringtrain

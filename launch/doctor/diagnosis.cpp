#include "launch/doctor/diagnosis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>

#include "common/text.h"

namespace ringtrain::doctor {
namespace {

using nlohmann::json;

std::string rate(double bytes_a_second) { return human_bytes(bytes_a_second) + "/s"; }

double median(std::vector<double> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers.empty() ? 0 : numbers[numbers.size() / 2];
}

/// `of` of each host; one text where all say the same, else "a: x; b: y".
std::string joined(const Examination& all, const std::function<std::string(std::size_t)>& of) {
  std::map<std::string, std::vector<std::string>> hosts;
  for (std::size_t i = 0; i < all.hosts.size(); ++i) hosts[of(i)].push_back(all.layout.hosts[i]);
  if (hosts.size() == 1) return hosts.begin()->first;
  std::vector<std::string> parts;
  for (const auto& [text, names] : hosts) parts.push_back(fmt::format("{}: {}", join(names), text));
  return join(parts, "; ");
}

void look_at_versions(const Examination& all, Findings& findings) {
  const auto of = [&](std::size_t i) {
    const json& versions = all.hosts[i]["versions"];
    return fmt::format("ringtrain {}, LibTorch {}, {}", versions["ringtrain"].get<std::string>(),
                       versions["libtorch"].get<std::string>(), versions["mpi"].get<std::string>());
  };
  const bool alike = std::all_of(all.hosts.begin(), all.hosts.end(), [&](const json& host) {
    return host["versions"] == all.hosts[0]["versions"];
  });
  findings.push_back(alike ? good("versions", of(0))
                           : bad("versions", joined(all, of), "install the same ones on every host"));
  if (all.launcher.empty()) return;
  // "Open MPI v4.1.4" and "mpirun (Open MPI) 4.1.4".
  const std::string library = all.hosts[0]["versions"]["mpi"];
  const auto number = [](const std::string& text) {
    const auto begin = text.find_first_of("0123456789");
    return begin == std::string::npos
               ? std::string()
               : text.substr(begin, text.find_first_not_of("0123456789.", begin) - begin);
  };
  const bool same_family =
      library.starts_with("Open MPI") == (all.launcher.find("Open MPI") != std::string::npos ||
                                          all.launcher.find("OpenRTE") != std::string::npos);
  if (!same_family || number(library) != number(all.launcher))
    findings.push_back(bad("mpirun", fmt::format("{}, but the library is {}", all.launcher, library),
                           "put the mpirun of that library first on PATH"));
  else
    findings.push_back(good("mpirun", all.launcher + ", the library's own"));
}

void look_at_cores(const Examination& all, Findings& findings) {
  for (std::size_t i = 0; i < all.hosts.size(); ++i) {
    const json& host = all.hosts[i];
    const int ranks = all.layout.ranks[i];
    const double cores = std::min(host["cores"].get<double>(), host.value("cpu_quota", 1e9));
    const std::string limit = host.contains("cpu_quota")
                                  ? fmt::format(" ({} by affinity, a quota of {:.1f})",
                                                host["cores"].get<int>(), host["cpu_quota"].get<double>())
                                  : "";
    const std::string value =
        fmt::format("{}: {} ranks, {:g} cores{}", all.layout.hosts[i], ranks, cores, limit);
    if (ranks > cores)
      findings.push_back(
          warning("cores", value,
                  "start a rank for each core at most: ranks that wait take the time of those that compute"));
    else
      findings.push_back(good("cores", value));
    const double load = host["load"].get<double>();
    if (load > 0.5 * cores + ranks)
      findings.push_back(
          warning("load", fmt::format("{}: {:.1f}", all.layout.hosts[i], load), "other programs run there"));
  }
}

void look_at_limits(const Examination& all, Findings& findings) {
  const auto each = [&](const char* key) {
    std::vector<std::int64_t> values;
    for (const json& host : all.hosts) values.push_back(host[key].get<std::int64_t>());
    return values;
  };
  const auto least = [](const std::vector<std::int64_t>& values) {
    std::int64_t found = -1;
    for (const auto value : values)
      if (value >= 0 && (found < 0 || value < found)) found = value;
    return found;
  };
  const auto shown = [&](const char* key, const std::function<std::string(std::int64_t)>& text) {
    return joined(all, [&](std::size_t i) {
      const auto value = all.hosts[i][key].get<std::int64_t>();
      return value < 0 ? std::string("no limit") : text(value);
    });
  };
  const auto bytes = [](std::int64_t value) { return human_bytes(static_cast<double>(value)); };
  const auto count = [](std::int64_t value) { return with_commas(value); };

  const auto files = least(each("open_files"));
  findings.push_back(files >= 0 && files < 1024
                         ? warning("open files", shown("open_files", count), "raise it: ulimit -n 65536")
                         : good("open files", shown("open_files", count)));
  const bool infiniband = std::any_of(all.hosts.begin(), all.hosts.end(),
                                      [](const json& host) { return !host["infiniband"].empty(); });
  const auto locked = least(each("locked_memory"));
  findings.push_back(infiniband && locked >= 0 && locked < (1LL << 30)
                         ? bad("locked memory", shown("locked_memory", bytes),
                               "InfiniBand needs it: ulimit -l unlimited (in /etc/security/limits.conf, and "
                               "in slurmd's unit)")
                         : good("locked memory", shown("locked_memory", bytes)));
  const auto shm = least(each("shm_free"));
  findings.push_back(
      shm < (64 << 20)
          ? warning("/dev/shm", shown("shm_free", bytes) + " free",
                    "MPI and NCCL keep buffers there: docker run --shm-size=1g, or mount a larger one")
          : good("/dev/shm", shown("shm_free", bytes) + " free"));
  const auto memory = least(each("memory"));
  findings.push_back(memory < (1LL << 30)
                         ? warning("memory", shown("memory", bytes) + " free", "end what else runs there")
                         : good("memory", joined(all, [&](std::size_t i) {
                                  return fmt::format("{:.0f} GiB free",
                                                     all.hosts[i]["memory"].get<double>() / (1 << 30));
                                })));
}

void look_at_gpus(const Examination& all, Findings& findings) {
  bool some = false;
  for (const json& host : all.hosts) some = some || !host["gpus"].empty();
  if (!some) {
    findings.push_back(good("GPUs", joined(all, [&](std::size_t i) {
                              return fmt::format("none ({}); training runs on CPUs",
                                                 all.hosts[i]["why_no_gpu"].get<std::string>());
                            })));
    return;
  }
  for (std::size_t i = 0; i < all.hosts.size(); ++i) {
    const auto gpus = static_cast<int>(all.hosts[i]["gpus"].size());
    const std::string value = fmt::format("{}: {} {}, {} ranks", all.layout.hosts[i], gpus,
                                          gpus == 1 ? "GPU" : "GPUs", all.layout.ranks[i]);
    if (gpus < all.layout.ranks[i])
      findings.push_back(warning(
          "GPUs",
          gpus == 0 ? fmt::format("{} ({})", value, all.hosts[i]["why_no_gpu"].get<std::string>()) : value,
          "a rank needs a GPU of its own: start fewer ranks, or all train on CPUs; to try it out ranks can "
          "share "
          "one (trainer.share_gpus)"));
    else
      findings.push_back(good("GPUs", value));
    if (const auto topology = all.hosts[i]["gpu_topology"].get<std::string>(); !topology.empty())
      findings.push_back(good("GPU topology", "\n" + topology));
  }
}

/// NCCL's own rule: InfiniBand if there is any, else NCCL_SOCKET_IFNAME, else the first interface that is up,
/// those of docker and loopback last (docs of NCCL, NCCL_SOCKET_IFNAME).
std::string nccl_interface(const json& host) {
  const json& variables = host["network_variables"];
  if (!host["infiniband"].empty() && variables.value("NCCL_IB_DISABLE", "0") != "1")
    return fmt::format("{} (InfiniBand or RoCE)", host["infiniband"][0].get<std::string>());
  if (variables.contains("NCCL_SOCKET_IFNAME"))
    return fmt::format("{} (NCCL_SOCKET_IFNAME)", variables["NCCL_SOCKET_IFNAME"].get<std::string>());
  for (const json& one : host["interfaces"])
    if (!one["name"].get<std::string>().starts_with("docker")) return one["name"];
  return "lo";
}

std::string speed_of(const json& interface) {
  const int megabits = interface["megabits"].get<int>();
  if (megabits <= 0) return "";
  return megabits >= 1000 ? fmt::format(" {:g} Gbit/s", megabits / 1000.0)
                          : fmt::format(" {} Mbit/s", megabits);
}

void look_at_networks(const Examination& all, Findings& findings) {
  findings.push_back(good("interfaces", joined(all, [&](std::size_t i) {
                            std::vector<std::string> names;
                            for (const json& one : all.hosts[i]["interfaces"])
                              names.push_back(one["name"].get<std::string>() + speed_of(one));
                            return names.empty() ? std::string("loopback alone") : join(names);
                          })));
  const bool gpus =
      std::any_of(all.hosts.begin(), all.hosts.end(), [](const json& host) { return !host["gpus"].empty(); });
  if (gpus || all.hosts.size() > 1)
    findings.push_back(
        good("NCCL would take", joined(all, [&](std::size_t i) { return nccl_interface(all.hosts[i]); })));
  if (all.hosts.size() < 2) return;
  for (std::size_t i = 0; i < all.hosts.size(); ++i)
    if (all.hosts[i]["interfaces"].size() > 1 &&
        !all.hosts[i]["network_variables"].contains("OMPI_MCA_btl_tcp_if_include"))
      findings.push_back(warning("several interfaces", all.layout.hosts[i],
                                 "MPI and NCCL may take the slow one: name the fast one in "
                                 "OMPI_MCA_btl_tcp_if_include and NCCL_SOCKET_IFNAME"));
}

/// What the interface says it carries, in bytes a second; 0: it does not say.
double nominal(const Examination& all, const Link& link) {
  double least = 0;
  for (const int host : {link.a, link.b}) {
    double best = 0;
    for (const json& one : all.hosts[static_cast<std::size_t>(host)]["interfaces"])
      best = std::max(best, one["megabits"].get<double>() * 1e6 / 8);
    least = least == 0 ? best : std::min(least, best);
  }
  return std::max(0.0, least);
}

void look_at_links(const Examination& all, Findings& findings) {
  if (all.links.empty()) return;
  std::vector<double> rates, latencies;
  for (const auto& link : all.links) {
    rates.push_back(link.slower());
    latencies.push_back(link.latency_s);
  }
  const double usual = median(rates), usual_latency = median(latencies);
  std::vector<int> slow_links(all.hosts.size(), 0), links_of(all.hosts.size(), 0);
  Findings slow;
  for (const auto& link : all.links) {
    const std::string name = fmt::format("{} - {}", all.layout.hosts[static_cast<std::size_t>(link.a)],
                                         all.layout.hosts[static_cast<std::size_t>(link.b)]);
    const double expected = nominal(all, link);
    ++links_of[static_cast<std::size_t>(link.a)];
    ++links_of[static_cast<std::size_t>(link.b)];
    const bool behind_others = link.slower() < 0.5 * usual;
    const bool behind_nominal = expected > 0 && link.slower() < 0.25 * expected;
    const std::string value = fmt::format(
        "{}: {} forth, {} back, {:.0f} us; expected {}", name, rate(link.forth), rate(link.back),
        link.latency_s * 1e6,
        expected > 0 ? fmt::format("{} by its interface", rate(expected)) : "what the other links do");
    if (behind_others || behind_nominal) {
      ++slow_links[static_cast<std::size_t>(link.a)];
      ++slow_links[static_cast<std::size_t>(link.b)];
      const std::string than =
          behind_others ? fmt::format("the usual link here carries {}. ", rate(usual)) : "";
      slow.push_back(bad("link", value,
                         than + "A ring is as slow as its slowest link: look for a wrong interface "
                                "(OMPI_MCA_btl_tcp_if_include, "
                                "NCCL_SOCKET_IFNAME), a port that came up at a lower speed (ethtool), a "
                                "limit (tc qdisc), or other traffic"));
    } else if (link.latency_s > 10 * usual_latency && link.latency_s > 1e-3) {
      slow.push_back(warning("link", value,
                             fmt::format("the usual round trip here takes {:.0f} us", 2e6 * usual_latency)));
    } else {
      findings.push_back(good("link", value));
    }
  }
  findings.insert(findings.end(), slow.begin(), slow.end());
  for (std::size_t i = 0; i < all.hosts.size() && all.hosts.size() > 2; ++i)
    if (links_of[i] > 1 && slow_links[i] == links_of[i])
      findings.push_back(bad("host", fmt::format("{}: every link with it is slow", all.layout.hosts[i]),
                             "look at this host's network first, or leave it out"));
}

void look_at_clocks(const Examination& all, Findings& findings) {
  for (std::size_t i = 1; i < all.clocks.size(); ++i) {
    const std::string value =
        fmt::format("{} is {:.0f} ms {} {}", all.layout.hosts[i], std::abs(all.clocks[i]) * 1e3,
                    all.clocks[i] < 0 ? "behind" : "ahead of", all.layout.hosts[0]);
    findings.push_back(
        std::abs(all.clocks[i]) > 1
            ? warning("clock", value, "logs of the hosts cannot be compared: run chrony or ntpd there")
            : good("clock", value));
  }
}

void look_at_all_reduce(const Examination& all, Findings& findings) {
  const int ranks = static_cast<int>(all.layout.host_of.size());
  if (ranks < 2) return;
  double expected = all.hosts[0]["copy"].get<double>();
  for (const json& host : all.hosts) expected = std::min(expected, host["copy"].get<double>());
  std::string by = "half of what one thread copies";
  expected /= 2;
  for (const auto& link : all.links)
    if (link.slower() < expected) {
      expected = link.slower();
      by = "the slowest link";
    }
  const std::string value = fmt::format("{} of 16 MiB over {} ranks, 4 KiB in {:.0f} us; expected {}, {}",
                                        rate(all.all_reduce.bus_bytes_a_second), ranks,
                                        all.all_reduce.latency_s * 1e6, rate(expected), by);
  findings.push_back(
      all.all_reduce.bus_bytes_a_second < 0.4 * expected
          ? warning("all-reduce", value,
                    "ranks without a core of their own, or other programs, hold it up (see cores and load)")
          : good("all-reduce", value));
}

void look_at_folder(const Examination& all, Findings& findings) {
  const json& first = all.folders[0];
  if (const auto problem = first["problem"].get<std::string>(); !problem.empty()) {
    findings.push_back(bad("job folder", problem, "name a folder that can be written by --job-dir"));
    return;
  }
  const std::string value =
      fmt::format("{} ({}), {} free, {}", all.folder, first["type"].get<std::string>(),
                  human_bytes(first["free"].get<double>()), rate(all.folder_bytes_a_second));
  std::vector<std::string> without;
  for (std::size_t i = 1; i < all.folders.size(); ++i)
    if (all.folders[i]["token"] != all.token) without.push_back(all.layout.hosts[i]);
  if (first["free"].get<double>() < (1LL << 30))
    findings.push_back(warning("job folder", value, "make room: a checkpoint holds the weights three times"));
  else if (all.folder_bytes_a_second < 20e6)
    findings.push_back(warning("job folder", value, "checkpoints will take long: use a faster file system"));
  else
    findings.push_back(
        good("job folder", value + (all.hosts.size() > 1 && without.empty() ? ", shared by all hosts" : "")));
  if (!without.empty())
    findings.push_back(warning("job folder", fmt::format("{}: not the first host's", join(without)),
                               "training works, since rank 0 alone writes there; logs of these hosts stay on "
                               "them. Resuming needs rank 0 on the same host"));
}

}  // namespace

Findings diagnose(const Examination& examination) {
  Findings findings;
  look_at_versions(examination, findings);
  look_at_cores(examination, findings);
  look_at_limits(examination, findings);
  look_at_gpus(examination, findings);
  look_at_networks(examination, findings);
  look_at_links(examination, findings);
  look_at_clocks(examination, findings);
  look_at_all_reduce(examination, findings);
  look_at_folder(examination, findings);
  return findings;
}

}  // namespace ringtrain::doctor

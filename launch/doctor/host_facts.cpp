#include "launch/doctor/host_facts.h"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <vector>

#include "comm/gpu.h"
#include "common/errors.h"
#include "common/files.h"
#include "launch/mpirun/cores.h"
#include "launch/mpirun/subprocess.h"
#include "launch/version.h"

namespace ringtrain::doctor {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

std::string first_line(const fs::path& file) {
  std::ifstream stream(file);
  std::string line;
  std::getline(stream, line);
  return line;
}

std::int64_t free_memory() {
  std::ifstream stream("/proc/meminfo");
  for (std::string line; std::getline(stream, line);)
    if (line.starts_with("MemAvailable:")) return std::stoll(line.substr(13)) * 1024;
  return -1;
}

std::int64_t limit_of(int resource) {
  rlimit limit{};
  if (::getrlimit(static_cast<__rlimit_resource>(resource), &limit) != 0 || limit.rlim_cur == RLIM_INFINITY)
    return -1;
  return static_cast<std::int64_t>(limit.rlim_cur);
}

json interfaces() {
  std::map<std::string, json> found;
  ifaddrs* list = nullptr;
  if (::getifaddrs(&list) != 0) return json::array();
  for (const ifaddrs* one = list; one; one = one->ifa_next) {
    if (!one->ifa_addr || (one->ifa_flags & IFF_LOOPBACK) || !(one->ifa_flags & IFF_RUNNING)) continue;
    if (one->ifa_addr->sa_family != AF_INET) continue;
    std::array<char, INET_ADDRSTRLEN> text{};
    const auto* address = reinterpret_cast<const sockaddr_in*>(one->ifa_addr);
    ::inet_ntop(AF_INET, &address->sin_addr, text.data(), text.size());
    auto& entry = found[one->ifa_name];
    const std::string speed = first_line(fs::path("/sys/class/net") / one->ifa_name / "speed");
    entry["name"] = one->ifa_name;
    entry["megabits"] = speed.empty() ? -1 : std::atoi(speed.c_str());
    entry["addresses"].push_back(text.data());
  }
  ::freeifaddrs(list);
  json result = json::array();
  for (auto& [name, entry] : found) result.push_back(std::move(entry));
  return result;
}

json names_in(const fs::path& folder) {
  json names = json::array();
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored))
    names.push_back(entry.path().filename().string());
  return names;
}

/// One thread, memory that no cache holds.
double copy_speed() {
  const std::size_t bytes = 64 << 20;
  std::vector<char> from(bytes, 1), to(bytes, 2);
  double best = 0;
  for (int turn = 0; turn < 3; ++turn) {
    const auto begin = std::chrono::steady_clock::now();
    std::memcpy(to.data(), from.data(), bytes);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    best = std::max(best, static_cast<double>(bytes) / seconds.count());
    from[static_cast<std::size_t>(turn)] = to[bytes - 1];
  }
  return best;
}

/// The table of links, without the escape sequences that underline its head, and without the legend.
std::string gpu_topology() {
  try {
    const Ended ended = run_with_limit({"nvidia-smi", "topo", "-m"}, std::chrono::seconds(10));
    if (ended.code != 0) return "";
    static const std::regex escapes("\x1b\\[[0-9;]*m");
    const std::string table = std::regex_replace(ended.output, escapes, "");
    return table.substr(0, table.find("\nLegend"));
  } catch (const Error&) {
    return "";
  }
}

std::string type_of(const std::string& folder) {
  struct statfs stats {};
  if (::statfs(folder.c_str(), &stats) != 0) return "";
  static const std::map<long, const char*> names{
      {0x6969, "nfs"},        {0xEF53, "ext4"},        {0x58465342, "xfs"},    {0x9123683E, "btrfs"},
      {0x01021994, "tmpfs"},  {0x794c7630, "overlay"}, {0x0BD00BD0, "lustre"}, {0x47504653, "gpfs"},
      {0x19830326, "beegfs"}, {0x00c36400, "ceph"},    {0x65735546, "fuse"},   {0x2FC12FC1, "zfs"},
      {0xFF534D42, "cifs"}};
  const auto name = names.find(static_cast<long>(stats.f_type));
  return name == names.end() ? fmt::format("type {:#x}", static_cast<unsigned long>(stats.f_type))
                             : name->second;
}

std::int64_t free_bytes(const std::string& folder) {
  struct statfs stats {};
  if (::statfs(folder.c_str(), &stats) != 0) return -1;
  return static_cast<std::int64_t>(stats.f_bavail) * static_cast<std::int64_t>(stats.f_bsize);
}

}  // namespace

json host_facts() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  std::array<double, 1> load{};
  if (::getloadavg(load.data(), 1) != 1) load[0] = -1;
  const Gpus gpus = find_gpus();
  json facts{{"host", name.data()},
             {"versions", library_versions()},
             {"cores", usable_cores().size()},
             {"memory", free_memory()},
             {"load", load[0]},
             {"open_files", limit_of(RLIMIT_NOFILE)},
             {"locked_memory", limit_of(RLIMIT_MEMLOCK)},
             {"shm_free", free_bytes("/dev/shm")},
             {"copy", copy_speed()},
             {"gpus", gpus.ids},
             {"why_no_gpu", gpus.why_none},
             {"gpu_topology", gpus.ids.size() < 2 ? "" : gpu_topology()},
             {"interfaces", interfaces()},
             {"infiniband", names_in("/sys/class/infiniband")},
             {"network_variables", json::object()}};
  if (const auto quota = cpu_quota()) facts["cpu_quota"] = *quota;
  for (const char* variable :
       {"NCCL_SOCKET_IFNAME", "NCCL_IB_DISABLE", "NCCL_IB_HCA", "OMPI_MCA_btl_tcp_if_include",
        "OMPI_MCA_btl_tcp_if_exclude", "OMPI_MCA_btl", "OMPI_MCA_pml"})
    if (const char* value = std::getenv(variable)) facts["network_variables"][variable] = value;
  return facts;
}

json folder_facts(const std::string& folder, const std::string& token, bool writes) {
  const fs::path file = fs::path(folder) / ".ringtrain-doctor";
  json facts{{"problem", ""}, {"token", ""}};
  try {
    if (writes) {
      ensure_writable_folder(folder);
      write_file_atomically(file, token);
    }
    if (fs::exists(file)) facts["token"] = read_file(file);
  } catch (const std::exception& error) {
    facts["problem"] = error.what();
  }
  facts["free"] = free_bytes(folder);
  facts["type"] = type_of(folder);
  return facts;
}

double folder_speed(const std::string& folder) {
  const fs::path file = fs::path(folder) / ".ringtrain-doctor-speed";
  const std::string content(64 << 20, 'x');
  const auto begin = std::chrono::steady_clock::now();
  write_file_synced(file, content);
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  fs::remove(file);
  return static_cast<double>(content.size()) / seconds.count();
}

}  // namespace ringtrain::doctor

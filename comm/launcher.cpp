#include "comm/launcher.h"

#include <dlfcn.h>
#include <fmt/format.h>
#include "comm/mpi/mpi_api.h"

#include <array>
#include <cstdlib>
#include <filesystem>

namespace ringtrain::launcher {
namespace {

namespace fs = std::filesystem;

int number(const Environment& get, const char* name, int otherwise) {
  const char* value = get(name);
  return value ? std::atoi(value) : otherwise;
}

/// Open MPI keeps what speaks PMI in modules of their own, in a folder beside the library.
bool has_pmi_module() {
  Dl_info info{};
  if (::dladdr(reinterpret_cast<void*>(&MPI_Init), &info) == 0 || info.dli_fname == nullptr) return true;
  std::error_code ignored;
  const fs::path beside = fs::canonical(info.dli_fname, ignored).parent_path();
  bool modules = false;
  for (const auto& folder :
       {beside / "openmpi", beside / "openmpi3", beside / "openmpi" / "lib" / "openmpi3"}) {
    for (const auto& file : fs::directory_iterator(folder, ignored)) {
      const auto name = file.path().filename().string();
      if (name.starts_with("mca_pmix_s1") || name.starts_with("mca_pmix_s2")) return true;
      modules |= name.starts_with("mca_");
    }
  }
  return !modules;  // linked in, as far as can be seen: who knows
}

}  // namespace

const char* from_process(const char* name) { return std::getenv(name); }

MpiLibrary MpiLibrary::of_process() {
  std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
  int length = 0;
  MPI_Get_library_version(text.data(), &length);
  MpiLibrary library;
  library.name.assign(text.data(), static_cast<std::size_t>(length));
  library.name.resize(std::min(library.name.find_first_of(",\n"), library.name.size()));
  library.open_mpi = library.name.starts_with("Open MPI");
  library.speaks_pmi = !library.open_mpi || has_pmi_module();
  return library;
}

// The order matters: under mpirun inside a Slurm job the processes also carry the size of the step that
// started mpirun's daemons.
int announced_ranks(const Environment& get) {
  for (const char* name : {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"})
    if (get(name)) return number(get, name, 0);
  return 0;
}

int announced_rank(const Environment& get) {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"})
    if (get(name)) return number(get, name, 0);
  return get("SLURM_STEP_NUM_TASKS") ? number(get, "SLURM_PROCID", 0) : 0;
}

bool started_rank(const Environment& get) {
  for (const char* name : {"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"})
    if (get(name)) return true;
  return number(get, "SLURM_STEP_NUM_TASKS", 1) > 1;
}

std::optional<std::string> mismatch(const Environment& get, const MpiLibrary& library) {
  const int ranks = announced_ranks(get);
  const bool by_open_mpi = get("OMPI_COMM_WORLD_RANK") != nullptr;
  if (by_open_mpi && !library.open_mpi)
    return fmt::format(
        "Open MPI's mpirun started this process, but ringtrain was built with {}: use that MPI's "
        "mpirun (`ringtrain doctor` shows which)",
        library.name);
  if (by_open_mpi || get("PMIX_RANK") || ranks <= 1) return std::nullopt;
  const bool by_pmi = get("PMI_RANK") || get("PMI_FD");
  if (by_pmi && library.speaks_pmi) return std::nullopt;
  if (!get("SLURM_STEP_NUM_TASKS"))
    return fmt::format(
        "another MPI's mpirun (of MPICH's family, by PMI_RANK) started {} processes, but ringtrain was "
        "built with {}: each would be rank 0 of 1. Use Open MPI's mpirun",
        ranks, library.name);
  const char* plugin = get("SLURM_MPI_TYPE");
  return fmt::format(
      "srun started {} processes with its MPI plugin '{}', which {} does not speak: {}. Start them with "
      "srun --mpi=pmix (`srun --mpi=list` shows what this cluster has), or with mpirun inside sbatch "
      "or salloc",
      ranks,
      plugin   ? plugin
      : by_pmi ? "pmi2"
               : "none",
      library.name, by_pmi ? "MPI_Init would end them" : "each would be rank 0 of 1");
}

}  // namespace ringtrain::launcher

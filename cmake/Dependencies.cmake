# Finds what ringtrain is built with. A user's own LibTorch, Arrow or MPI on CMAKE_PREFIX_PATH is found first; the wheels
# that tools/bootstrap.sh unpacked come after it.
include(BootstrapFolder)
if(RINGTRAIN_WHEELS)
  set(LibTorch_HINTS "${RINGTRAIN_WHEELS}/torch")
  set(ArrowWheel_HINTS "${RINGTRAIN_WHEELS}/pyarrow")
endif()

enable_language(C)  # FindMPI asks for it; ringtrain uses MPI's C interface, since the C++ one was removed in MPI 3
find_package(MPI REQUIRED COMPONENTS C)
# Its wrapper's -pthread and the like: the precompiled header was made without them, and would not be used.
set_target_properties(MPI::MPI_C PROPERTIES INTERFACE_COMPILE_OPTIONS "" INTERFACE_COMPILE_DEFINITIONS "")
find_package(Threads REQUIRED)
find_package(LibTorch REQUIRED)
find_package(ArrowWheel REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(spdlog REQUIRED)
find_path(XXHASH_INCLUDE_DIR xxhash.h REQUIRED)
find_path(RAPIDJSON_INCLUDE_DIR rapidjson/document.h REQUIRED)
find_path(UTF8PROC_INCLUDE_DIR utf8proc.h REQUIRED)
find_library(UTF8PROC_LIBRARY NAMES utf8proc REQUIRED)
# By pkg-config: their CMake packages ask for more than is used (protobuf, curl).
find_package(PkgConfig REQUIRED)
pkg_check_modules(hwloc REQUIRED IMPORTED_TARGET hwloc)
if(RINGTRAIN_SERVER)
  find_package(Boost REQUIRED)
  pkg_check_modules(grpc REQUIRED IMPORTED_TARGET grpc++)
  set_target_properties(PkgConfig::grpc PROPERTIES INTERFACE_COMPILE_OPTIONS "")  # -DNOMINMAX, which the precompiled header lacks
  pkg_check_modules(prometheus REQUIRED IMPORTED_TARGET prometheus-cpp-core)
  pkg_check_modules(curl REQUIRED IMPORTED_TARGET libcurl)
  pkg_check_modules(openssl REQUIRED IMPORTED_TARGET openssl)
endif()
find_path(PROTOZERO_INCLUDE_DIR protozero/pbf_writer.hpp REQUIRED)
if(RINGTRAIN_NCCL AND LibTorch_CUDA_FOUND)
  find_package(NcclWheel)
elseif(RINGTRAIN_NCCL AND LibTorch_CUDA_LIBRARY)
  message(WARNING "This LibTorch has CUDA, but there are not all of CUDA's headers: this build will use no GPU.\n"
                  "cuda_runtime_api.h: ${LibTorch_CUDA_INCLUDE_DIR}\ncrt/host_defines.h: ${LibTorch_CUDA_CRT_DIR}\n"
                  "nv/target: ${LibTorch_CUDA_CCCL_DIR}\nlibcudart: ${LibTorch_CUDART_LIBRARY}\n"
                  "Run tools/bootstrap.sh, or install a CUDA toolkit and name it by the environment's CUDA_HOME. "
                  "-DRINGTRAIN_NCCL=OFF builds without GPUs on purpose.")
endif()

# The one precompiled header. Not torch/torch.h: GCC leaves the templates that a precompiled header instantiates to every file that uses
# it, and torch/torch.h's take 5 s each time. Files include what else they need of torch/nn.
file(CONFIGURE OUTPUT "${PROJECT_BINARY_DIR}/pch/empty.cpp" CONTENT "// The precompiled header's own source file.\n")
add_library(ringtrain_pch OBJECT "${PROJECT_BINARY_DIR}/pch/empty.cpp")
target_link_libraries(ringtrain_pch PUBLIC LibTorch::cpu PRIVATE ringtrain_settings)
target_compile_features(ringtrain_pch PUBLIC cxx_std_20)
set(RINGTRAIN_PRECOMPILED <ATen/ATen.h> <torch/nn/module.h> <torch/types.h> <torch/utils.h> <map> <memory> <string> <string_view>
                          <vector> <functional> <span>)
target_precompile_headers(ringtrain_pch PRIVATE ${RINGTRAIN_PRECOMPILED})

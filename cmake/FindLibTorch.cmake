# Finds LibTorch: the user's own on CMAKE_PREFIX_PATH (a LibTorch zip, a torch package folder, or what Python's
# torch.utils.cmake_prefix_path prints), else the one of LibTorch_HINTS (the bootstrap's wheel).
# torch's own TorchConfig.cmake is not used: its CUDA build refuses to be found on a machine without nvcc.
#
#   LibTorch::cpu    torch_cpu and c10: what all of ringtrain links. The large CUDA libraries (torch_cuda, cuBLAS, cuDNN, NCCL) are
#                    not mapped by it; libtorch_cpu of a CUDA build itself needs libcudart and libcupti.
#   LibTorch::cuda   torch_cuda and c10_cuda, with CUDA's headers; only where LibTorch_CUDA_FOUND.
#   LibTorch_VERSION, LibTorch_CUDA_FOUND, LibTorch_LIBRARY_DIR
#   LibTorch_HINTS   where to look last: a folder that has LibTorch's include and lib
find_path(LibTorch_INCLUDE_DIR NAMES torch/csrc/api/include/torch/torch.h PATH_SUFFIXES include torch/include ../../include
          HINTS ${LibTorch_HINTS})
get_filename_component(_torch_lib "${LibTorch_INCLUDE_DIR}/../lib" ABSOLUTE)
# A system's multiarch library folder is searched too, but only for the CPU libraries: CUDA's belong to the same LibTorch.
find_library(LibTorch_CPU_LIBRARY NAMES torch_cpu PATHS "${_torch_lib}" NO_DEFAULT_PATH)
find_library(LibTorch_CPU_LIBRARY NAMES torch_cpu)
find_library(LibTorch_C10_LIBRARY NAMES c10 PATHS "${_torch_lib}" NO_DEFAULT_PATH)
find_library(LibTorch_C10_LIBRARY NAMES c10)
find_library(LibTorch_CUDA_LIBRARY NAMES torch_cuda PATHS "${_torch_lib}" NO_DEFAULT_PATH)
find_library(LibTorch_C10_CUDA_LIBRARY NAMES c10_cuda PATHS "${_torch_lib}" NO_DEFAULT_PATH)
set(LibTorch_VERSION "")
foreach(_header torch/headeronly/version.h torch/csrc/api/include/torch/version.h)
  if(NOT LibTorch_VERSION AND EXISTS "${LibTorch_INCLUDE_DIR}/${_header}")
    file(STRINGS "${LibTorch_INCLUDE_DIR}/${_header}" _version REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
    string(REGEX REPLACE "[^0-9;]" "" _version "${_version}")
    string(REPLACE ";" "." LibTorch_VERSION "${_version}")
  endif()
endforeach()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "Run tools/bootstrap.sh, or name your own LibTorch by -DCMAKE_PREFIX_PATH=/path/to/libtorch")
mark_as_advanced(LibTorch_INCLUDE_DIR LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_CUDA_LIBRARY LibTorch_C10_CUDA_LIBRARY)

set(LibTorch_CUDA_FOUND FALSE)
if(LibTorch_FOUND)
  get_filename_component(LibTorch_LIBRARY_DIR "${LibTorch_CPU_LIBRARY}" DIRECTORY)
  if(LibTorch_CUDA_LIBRARY AND LibTorch_C10_CUDA_LIBRARY)
    # CUDA's headers and runtime: beside the wheel (nvidia/cu13), or a toolkit on the machine. Of several wheels' folders
    # the one that LibTorch was built with is beside it, so the newest is right.
    file(GLOB _cuda_wheels "${LibTorch_INCLUDE_DIR}/../../nvidia/cu[0-9]*" "${LibTorch_INCLUDE_DIR}/../../nvidia/cuda_runtime")
    list(REVERSE _cuda_wheels)
    find_program(LibTorch_NVCC nvcc)
    get_filename_component(_toolkit "${LibTorch_NVCC}" REALPATH)
    get_filename_component(_toolkit "${_toolkit}/../.." ABSOLUTE)
    set(_cuda_places ${_cuda_wheels} ENV CUDA_HOME ENV CUDA_PATH "${_toolkit}" /usr/local/cuda)
    find_path(LibTorch_CUDA_INCLUDE_DIR cuda_runtime_api.h HINTS ${_cuda_places} PATH_SUFFIXES include targets/x86_64-linux/include)
    # CUDA 13's wheels keep some of the headers that these include in wheels of their own (nvidia-cuda-crt, nvidia-cuda-cccl): a
    # toolkit has them too.
    find_path(LibTorch_CUDA_CRT_DIR crt/host_defines.h HINTS ${_cuda_places} PATH_SUFFIXES include targets/x86_64-linux/include)
    find_path(LibTorch_CUDA_CCCL_DIR nv/target HINTS ${_cuda_places}
              PATH_SUFFIXES include include/cccl targets/x86_64-linux/include targets/x86_64-linux/include/cccl)
    find_library(LibTorch_CUDART_LIBRARY NAMES libcudart.so.13 libcudart.so.12 PATHS ${_cuda_wheels} PATH_SUFFIXES lib
                 NO_DEFAULT_PATH)
    find_library(LibTorch_CUDART_LIBRARY NAMES libcudart.so.13 libcudart.so.12 cudart HINTS ${_cuda_places} PATH_SUFFIXES lib lib64)
    mark_as_advanced(LibTorch_NVCC LibTorch_CUDA_INCLUDE_DIR LibTorch_CUDA_CRT_DIR LibTorch_CUDA_CCCL_DIR LibTorch_CUDART_LIBRARY)
    if(LibTorch_CUDA_INCLUDE_DIR AND LibTorch_CUDART_LIBRARY AND LibTorch_CUDA_CRT_DIR AND LibTorch_CUDA_CCCL_DIR)
      set(LibTorch_CUDA_FOUND TRUE)
    endif()
  endif()
endif()

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  add_library(LibTorch::cpu INTERFACE IMPORTED)
  target_include_directories(LibTorch::cpu SYSTEM INTERFACE "${LibTorch_INCLUDE_DIR}"
                             "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
  # LibTorch's headers bring a newer fmt than Debian's: header-only, so that the two never meet in the linker.
  target_compile_definitions(LibTorch::cpu INTERFACE FMT_HEADER_ONLY=1)
  # "torch" itself is left out on purpose: it would pull in torch_cuda and with it map all of CUDA into every process.
  target_link_libraries(LibTorch::cpu INTERFACE "${LibTorch_CPU_LIBRARY}" "${LibTorch_C10_LIBRARY}")
  target_link_options(LibTorch::cpu INTERFACE "-Wl,-rpath,${LibTorch_LIBRARY_DIR}" -Wl,--allow-shlib-undefined)
endif()

if(LibTorch_CUDA_FOUND AND NOT TARGET LibTorch::cuda)
  add_library(LibTorch::cuda INTERFACE IMPORTED)
  target_include_directories(LibTorch::cuda SYSTEM INTERFACE "${LibTorch_CUDA_INCLUDE_DIR}" "${LibTorch_CUDA_CRT_DIR}"
                             "${LibTorch_CUDA_CCCL_DIR}")
  get_filename_component(_cudart_dir "${LibTorch_CUDART_LIBRARY}" DIRECTORY)
  target_link_libraries(LibTorch::cuda INTERFACE LibTorch::cpu "${LibTorch_CUDA_LIBRARY}" "${LibTorch_C10_CUDA_LIBRARY}"
                        "${LibTorch_CUDART_LIBRARY}")
  target_link_options(LibTorch::cuda INTERFACE "-Wl,-rpath,${_cudart_dir}")
endif()

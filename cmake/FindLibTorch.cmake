# Finds LibTorch: the user's own on CMAKE_PREFIX_PATH (a LibTorch zip or a torch package folder), else the bootstrap's wheel.
# torch's own TorchConfig.cmake is not used: its CUDA build refuses to be found on a machine without nvcc.
#
#   LibTorch::cpu    torch_cpu and c10: what all of ringtrain links. No CUDA library is mapped by it.
#   LibTorch::cuda   torch_cuda and c10_cuda, with CUDA's headers; only where LibTorch_CUDA_FOUND.
#   LibTorch_VERSION, LibTorch_CUDA_FOUND, LibTorch_LIBRARY_DIR
find_path(LibTorch_INCLUDE_DIR NAMES torch/csrc/api/include/torch/torch.h PATH_SUFFIXES include torch/include
          HINTS ${RINGTRAIN_WHEELS}/torch)
find_library(LibTorch_CPU_LIBRARY NAMES torch_cpu HINTS "${LibTorch_INCLUDE_DIR}/../lib")
find_library(LibTorch_C10_LIBRARY NAMES c10 HINTS "${LibTorch_INCLUDE_DIR}/../lib")
find_library(LibTorch_CUDA_LIBRARY NAMES torch_cuda HINTS "${LibTorch_INCLUDE_DIR}/../lib" NO_DEFAULT_PATH)
find_library(LibTorch_C10_CUDA_LIBRARY NAMES c10_cuda HINTS "${LibTorch_INCLUDE_DIR}/../lib" NO_DEFAULT_PATH)
if(LibTorch_INCLUDE_DIR)
  file(STRINGS "${LibTorch_INCLUDE_DIR}/torch/headeronly/version.h" _version REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  if(NOT _version)
    file(STRINGS "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include/torch/version.h" _version
         REGEX "#define TORCH_VERSION_(MAJOR|MINOR|PATCH) ")
  endif()
  string(REGEX REPLACE "[^0-9;]" "" _version "${_version}")
  string(REPLACE ";" "." LibTorch_VERSION "${_version}")
endif()
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(LibTorch REQUIRED_VARS LibTorch_CPU_LIBRARY LibTorch_C10_LIBRARY LibTorch_INCLUDE_DIR
  VERSION_VAR LibTorch_VERSION
  REASON_FAILURE_MESSAGE "Run tools/bootstrap.sh, or name your own LibTorch by -DCMAKE_PREFIX_PATH=/path/to/libtorch")

if(LibTorch_FOUND AND NOT TARGET LibTorch::cpu)
  get_filename_component(LibTorch_LIBRARY_DIR "${LibTorch_CPU_LIBRARY}" DIRECTORY)
  add_library(LibTorch::cpu INTERFACE IMPORTED)
  target_include_directories(LibTorch::cpu SYSTEM INTERFACE "${LibTorch_INCLUDE_DIR}"
                             "${LibTorch_INCLUDE_DIR}/torch/csrc/api/include")
  # "torch" itself is left out on purpose: it would pull in torch_cuda and map CUDA's libraries into every process.
  target_link_libraries(LibTorch::cpu INTERFACE "${LibTorch_CPU_LIBRARY}" "${LibTorch_C10_LIBRARY}")
  target_link_options(LibTorch::cpu INTERFACE "-Wl,-rpath,${LibTorch_LIBRARY_DIR}" -Wl,--allow-shlib-undefined)
  set(LibTorch_CUDA_FOUND FALSE)
  if(LibTorch_CUDA_LIBRARY AND LibTorch_C10_CUDA_LIBRARY)
    # CUDA's headers and runtime: beside the wheel (nvidia/cu13), or a toolkit on the machine.
    find_path(LibTorch_CUDA_INCLUDE_DIR cuda_runtime_api.h
              HINTS "${LibTorch_INCLUDE_DIR}/../../nvidia/cu13/include" ENV CUDA_HOME /usr/local/cuda PATH_SUFFIXES include)
    find_library(LibTorch_CUDART_LIBRARY NAMES cudart libcudart.so.13 libcudart.so.12
                 HINTS "${LibTorch_INCLUDE_DIR}/../../nvidia/cu13/lib" ENV CUDA_HOME /usr/local/cuda PATH_SUFFIXES lib64 lib)
    if(LibTorch_CUDA_INCLUDE_DIR AND LibTorch_CUDART_LIBRARY)
      set(LibTorch_CUDA_FOUND TRUE)
      add_library(LibTorch::cuda INTERFACE IMPORTED)
      target_include_directories(LibTorch::cuda SYSTEM INTERFACE "${LibTorch_CUDA_INCLUDE_DIR}")
      get_filename_component(_cudart_dir "${LibTorch_CUDART_LIBRARY}" DIRECTORY)
      target_link_libraries(LibTorch::cuda INTERFACE LibTorch::cpu "${LibTorch_CUDA_LIBRARY}" "${LibTorch_C10_CUDA_LIBRARY}"
                            "${LibTorch_CUDART_LIBRARY}")
      target_link_options(LibTorch::cuda INTERFACE "-Wl,-rpath,${_cudart_dir}")
    endif()
  endif()
endif()

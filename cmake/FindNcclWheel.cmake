# Finds the NCCL that LibTorch itself uses (nvidia/nccl beside the torch package), or a user's own on CMAKE_PREFIX_PATH.
# Two different NCCLs in one process are a hazard, so the wheel's file comes first where LibTorch is the wheel.
find_path(NcclWheel_INCLUDE_DIR nccl.h HINTS "${LibTorch_INCLUDE_DIR}/../../nvidia/nccl/include")
find_library(NcclWheel_LIBRARY NAMES libnccl.so.2 nccl HINTS "${LibTorch_INCLUDE_DIR}/../../nvidia/nccl/lib")
include(FindPackageHandleStandardArgs)
find_package_handle_standard_args(NcclWheel REQUIRED_VARS NcclWheel_LIBRARY NcclWheel_INCLUDE_DIR)
if(NcclWheel_FOUND AND NOT TARGET Nccl::nccl)
  add_library(Nccl::nccl INTERFACE IMPORTED)
  target_include_directories(Nccl::nccl SYSTEM INTERFACE "${NcclWheel_INCLUDE_DIR}")
  target_link_libraries(Nccl::nccl INTERFACE "${NcclWheel_LIBRARY}")
  get_filename_component(_nccl_dir "${NcclWheel_LIBRARY}" DIRECTORY)
  target_link_options(Nccl::nccl INTERFACE "-Wl,-rpath,${_nccl_dir}")
endif()

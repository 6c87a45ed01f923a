#include "launch/run_main.h"

int main(int argc, char** argv) { return ringtrain::run_main(argc, argv); }

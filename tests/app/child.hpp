#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <string>
#include <thread>

#include "tests/app/run.hpp"

namespace murmur::test {

/// Runs the program with its output in a file; killed at the end where it still runs.
class Child {
 public:
  Child(const std::string& arguments, const std::string& output, const std::string& before = "exec") {
    const std::string line = before + " " + MURMUR_PROGRAM + " " + arguments + " > " + output + " 2>&1";
    process_ = fork();
    if (process_ != 0) return;
    // Whoever runs the tests may ignore them, as nohup does.
    for (const int number : {SIGHUP, SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
    execl("/bin/sh", "sh", "-c", line.c_str(), nullptr);
    _exit(127);
  }
  ~Child() {
    if (process_ > 0) end(SIGKILL);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Its exit code; -1 where a signal ended it.
  int end(int signal) {
    kill(process_, signal);
    return wait();
  }
  int wait() {
    int status = 0;
    waitpid(process_, &status, 0);
    process_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }

 private:
  pid_t process_;
};

template <class F>
bool becomes_true(const F& f) {
  for (int i = 0; i < 6000; ++i) {
    if (f()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace murmur::test

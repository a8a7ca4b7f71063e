#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <thread>

#include "murmur/pso/study.hpp"
#include "tests/app/child.hpp"
#include "tests/app/report_data.hpp"
#include "tests/app/search_command.hpp"

// How a report is written and served.
namespace murmur {
namespace {

using nlohmann::json;
using test::becomes_true;
using test::Child;
using test::data_of;
using test::Folder;
using test::read_text;
using test::report_of;
using test::run_murmur;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

StudyDefinition definition(const std::string& name = "murmur") {
  StudyDefinition result;
  result.name = name;
  result.space = SearchSpace({Technique::kDropout});
  return result;
}

void add_trial(const std::string& path, double value) {
  Study study = Study::create_or_open(path, definition());
  study.finish_trial(study.begin_trial(1, std::vector{0.5}), {.value = value});
}

/// A socket that is connected to the port; -1 where nobody listens.
int connect_to(uint16_t port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) return descriptor;
  close(descriptor);
  return -1;
}

/// The whole answer.
std::string ask(int descriptor, const std::string& target, const std::string& host = "127.0.0.1",
                const std::string& method = "GET") {
  const std::string request = method + " " + target + " HTTP/1.1\r\nHost: " + host + "\r\nConnection: close\r\n\r\n";
  EXPECT_EQ(write(descriptor, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t n = 0; (n = read(descriptor, buffer, sizeof(buffer))) > 0;)
    answer.append(buffer, static_cast<size_t>(n));
  close(descriptor);
  return answer;
}

/// The addresses that listen on the port, as the kernel writes them.
std::string listeners(uint16_t port) {
  char end[16];
  std::snprintf(end, sizeof(end), ":%04X", port);
  std::string found;
  for (const char* const table : {"/proc/net/tcp", "/proc/net/tcp6"}) {
    std::ifstream file(table);
    for (std::string number, local, remote, state, rest; file >> number >> local >> remote >> state;) {
      std::getline(file, rest);
      if (state == "0A" && local.ends_with(end)) found += local;
    }
  }
  return found;
}

TEST(ReportWatch, ServesOnLoopbackUntilASignal) {
  const Folder folder;
  add_trial(folder / "s.db", 0.25);
  Child child("report --watch --study " + (folder / "s.db"), folder / "log");
  ASSERT_TRUE(becomes_true([&] { return read_text(folder / "log").find("/ (") != std::string::npos; }));
  const std::string log = read_text(folder / "log");
  ASSERT_THAT(log, StartsWith("http://127.0.0.1:"));
  const auto port = static_cast<uint16_t>(std::stoi(log.substr(17)));
  EXPECT_THAT(listeners(port), StartsWith("0100007F:"));
  EXPECT_EQ(listeners(port).size(), 13u);

  const int waiting = connect_to(port);  // and says nothing: it holds up nobody
  const std::string page = ask(connect_to(port), "/");
  EXPECT_THAT(page, StartsWith("HTTP/1.1 200"));
  EXPECT_EQ(data_of(page)["watch"], true);
  const auto best = [&] {
    const std::string answer = ask(connect_to(port), "/data.json?1");
    return json::parse(answer.substr(answer.find("\r\n\r\n") + 4))["studies"][0]["winner"]["value"].get<double>();
  };
  EXPECT_EQ(best(), 0.25);
  add_trial(folder / "s.db", 0.75);
  EXPECT_TRUE(becomes_true([&] { return best() == 0.75; }));

  const std::string with_port = "localhost:" + std::to_string(port);
  EXPECT_THAT(ask(connect_to(port), "/", with_port), StartsWith("HTTP/1.1 200"));
  for (const char* const host : {"evil.example", "127.0.0.1.evil.example", "192.168.0.1", ""}) {
    const std::string answer = ask(connect_to(port), "/data.json", host);
    EXPECT_THAT(answer, AllOf(StartsWith("HTTP/1.1 403"), Not(HasSubstr("studies")))) << host;
  }
  EXPECT_THAT(ask(connect_to(port), "/../s.db"), StartsWith("HTTP/1.1 404"));
  EXPECT_THAT(ask(connect_to(port), "/", "127.0.0.1", "DELETE"), StartsWith("HTTP/1.1 405"));
  const auto second = run_murmur("report --watch --port " + std::to_string(port) + " --study " + (folder / "s.db"));
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.output, StartsWith("murmur: --port: expected a port that is free"));
  EXPECT_EQ(child.end(SIGINT), 0);
  EXPECT_EQ(connect_to(port), -1);
  close(waiting);
}

TEST(Report, ReadsAStudyThatASearchIsWritingAndOneThatWasKilled) {
  const Folder folder;
  test::write_dataset(folder);
  const std::string rest = " --quiet --abort-below 0 --trials 0 --patience 100000 --epochs 3";
  Child child(test::search_command(folder, "s.db", rest), folder / "log");
  const auto num_trials = [&] {
    try {
      return Study::open_read_only(folder / "s.db").num_trials();
    } catch (const std::exception&) {
      return int64_t{0};
    }
  };
  ASSERT_TRUE(becomes_true([&] { return num_trials() > 6; })) << read_text(folder / "log");
  for (int i = 0; i < 3; ++i) {
    const json got = report_of(folder, folder / "s.db")["studies"][0];
    EXPECT_EQ(got["running"], true);
    EXPECT_GT(got["trials"]["number"]["length"], 6);
    EXPECT_FALSE(got.contains("verdict"));
  }
  child.end(SIGKILL);
  report_of(folder, folder / "s.db");  // so that its file is there
  const auto before = folder.contents();
  const json got = report_of(folder, folder / "s.db")["studies"][0];
  EXPECT_EQ(got["running"], false);
  EXPECT_EQ(got["interrupted"], false);  // nobody knows: it may run on a machine that cannot be seen from here
  EXPECT_THAT(got["notes"].dump(), HasSubstr("the same command goes on"));
  auto after = folder.contents();
  ASSERT_EQ(after.size(), before.size());  // no log has gone or come
  for (const auto& [name, bytes] : before) {
    if (name.ends_with(".html") || name.ends_with("-shm")) continue;
    EXPECT_EQ(after[name], bytes) << name;
  }
}

TEST(Report, AnInterruptedSearchIsReportedToo) {
  const Folder folder;
  test::write_dataset(folder);
  const std::string rest = " --quiet --abort-below 0 --trials 0 --patience 100000 --report " + (folder / "r.html");
  Child child(test::search_command(folder, "s.db", rest), folder / "log");
  // A trial has ended: the search is under way, and watches for signals.
  ASSERT_TRUE(becomes_true(
      [&] { return std::filesystem::exists(folder / "s.db") && Study::open_read_only(folder / "s.db").best_trial(); }));
  EXPECT_EQ(child.end(SIGINT), 130);
  const json got = data_of(read_text(folder / "r.html"))["studies"][0];
  EXPECT_EQ(got["running"], false);
  EXPECT_THAT(got["notes"].dump(), HasSubstr("has been interrupted"));
  EXPECT_EQ(got["interrupted"], true);
}

TEST(Report, LeavesTheFolderOfAStudyAsItIs) {
  const Folder folder, other;
  add_trial(folder / "s.db", 0.25);
  const auto before = folder.contents();
  const auto result = run_murmur("report --study " + (folder / "s.db") + " --output " + (other / "r.html"));
  EXPECT_EQ(result.exit_code, 0) << result.output;
  EXPECT_EQ(folder.contents(), before);
}

void expect_refused(const std::string& arguments, int exit_code, const std::string& text) {
  const auto result = run_murmur("report " + arguments);
  EXPECT_EQ(result.exit_code, exit_code) << arguments;
  EXPECT_EQ(test::count_of(result.output, "\n"), 1u) << result.output;
  EXPECT_THAT(result.output, AllOf(StartsWith("murmur: "), HasSubstr(text)));
}

TEST(Report, RefusesInOneLine) {
  const Folder folder;
  add_trial(folder / "s.db", 0.25);
  Study::create_or_open(folder / "s.db", definition("b"));
  const std::string study = "--study " + (folder / "s.db");
  test::write_text(folder / "text.db", "no study");
  const auto before = folder.contents();
  expect_refused("", 2, "--study");
  expect_refused(study + " --port 80", 2, "--watch");
  expect_refused(study + " --watch --output x.html", 2, "--watch");
  expect_refused(study + " --chart pie", 2, "pie");
  expect_refused(study + " --format svg", 2, "--chart");
  expect_refused(study + " --chart history --format html", 2, "--format");
  expect_refused(study + " --study x --name b", 2, "--name");
  expect_refused(study + " --output " + folder.path() + "/none/x.html", 2, "--output");
  expect_refused("--study " + (folder / "none.db"), 3, "no such file");
  expect_refused("--study " + (folder / "text.db"), 3, "not SQLite");
  expect_refused(study + ":c", 3, "'c'");
  expect_refused(study + " --name c", 3, "'c'");
  expect_refused(study + " --output /dev/full", 1, "No space left");
  EXPECT_EQ(folder.contents(), before);
}

TEST(Report, TakesStudiesByTheirNames) {
  const Folder folder;
  add_trial(folder / "s.db", 0.25);
  Study::create_or_open(folder / "s.db", definition("a:b"));
  const auto names = [&](const std::string& words) {
    const auto result = run_murmur("report --output " + (folder / "r.html") + " --study " + (folder / "s.db") + words);
    EXPECT_EQ(result.exit_code, 0) << result.output;
    json all = json::array();
    const json data = data_of(read_text(folder / "r.html"));
    for (const json& study : data["studies"]) all.push_back(study["name"]);
    return all;
  };
  EXPECT_EQ(names(""), (json{"murmur", "a:b"}));
  EXPECT_EQ(names(":a:b"), (json{"a:b"}));
  EXPECT_EQ(names(" --name a:b"), (json{"a:b"}));
  EXPECT_EQ(names(":a:b --study " + (folder / "s.db:murmur")), (json{"a:b", "murmur"}));
}

bool has_program(const std::string& name) {
  return std::system(("command -v " + name + " > /dev/null").c_str()) == 0;
}

TEST(ReportChart, DrawsOneChart) {
  const Folder folder;
  for (const double value : {0.25, 0.5, 0.75}) add_trial(folder / "s.db", value);
  const std::string study = "--study " + (folder / "s.db");
  const auto without = run_murmur("report " + study + " --chart history", "PATH=" + folder.path());
  EXPECT_EQ(without.exit_code, 1);
  EXPECT_THAT(without.output, HasSubstr("node (package nodejs)"));
  if (!has_program("node")) GTEST_SKIP() << "no node (package nodejs)";
  const auto history = run_murmur("report " + study + " --chart history --width 500 --height 300");
  ASSERT_EQ(history.exit_code, 0) << history.output;
  EXPECT_EQ(history.output, (folder / "s-history.svg") + "\n");
  EXPECT_THAT(read_text(folder / "s-history.svg"),
              AllOf(StartsWith("<svg"), HasSubstr("width=\"500\""), HasSubstr("height=\"300\"")));
  expect_refused(study + " --chart importance", 3, "importance");
  if (!has_program("rsvg-convert")) GTEST_SKIP() << "no rsvg-convert (package librsvg2-bin)";
  ASSERT_EQ(run_murmur("report " + study + " --chart history --output " + (folder / "h.png")).exit_code, 0);
  EXPECT_THAT(read_text(folder / "h.png"), StartsWith("\x89PNG"));
}

TEST(ReportChart, KnowsTheChartsOfThePage) {
  if (!has_program("node")) GTEST_SKIP() << "no node (package nodejs)";
  const Folder folder;
  test::write_text(folder / "names.js",
                   "const fs = require('fs');"
                   "(0, eval)(fs.readFileSync(process.argv[2], 'utf8').replace(/^#!.*/, ''));"
                   "fs.writeFileSync(process.argv[3], JSON.stringify(globalThis.murmurCharts));");
  const std::string script = std::string(MURMUR_SOURCE_DIR) + "/app/report/page/dist/chart.js";
  ASSERT_EQ(std::system(("node " + (folder / "names.js") + " " + script + " " + (folder / "names")).c_str()), 0);
  const std::string help = run_murmur("report --help").output;
  std::string names;
  for (const json& name : json::parse(read_text(folder / "names"))) {
    names += (names.empty() ? "" : ",") + name.get<std::string>();
  }
  EXPECT_THAT(help, HasSubstr("{" + names + "}"));
}

}  // namespace
}  // namespace murmur

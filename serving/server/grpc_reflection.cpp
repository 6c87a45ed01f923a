#include "serving/server/grpc_reflection.h"

#include <fmt/format.h>

#include <algorithm>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <vector>

#include "grpc_descriptors.h"
#include "serving/server/grpc_methods.h"
#include "serving/server/guarded_read.h"

namespace ringtrain {
namespace {

using protozero::pbf_reader;
using protozero::pbf_writer;

/// A file of proto/ (google/protobuf/descriptor.proto says what its bytes are).
struct ProtoFile {
  std::string name;
  std::string_view bytes;             ///< of its FileDescriptorProto
  std::vector<std::string> services;  ///< with their package
  std::vector<std::string> symbols;   ///< services, their methods, messages, enums
};

std::string_view view_of(const protozero::data_view& data) { return {data.data(), data.size()}; }

/// The name of a message, and those of what is defined in it.
void add_symbols(pbf_reader message, const std::string& scope, std::vector<std::string>& symbols) {
  std::string name;
  std::vector<std::string_view> messages, enums;
  while (message.next()) {
    switch (message.tag()) {
      case 1:
        name = scope + message.get_string();
        break;
      case 3:
        messages.push_back(view_of(message.get_view()));
        break;
      case 4:
        enums.push_back(view_of(message.get_view()));
        break;
      default:
        message.skip();
    }
  }
  symbols.push_back(name);
  for (const auto& one : messages) add_symbols(pbf_reader(one.data(), one.size()), name + ".", symbols);
  for (const auto& one : enums) {
    pbf_reader reader(one.data(), one.size());
    if (reader.next(1)) symbols.push_back(name + "." + reader.get_string());
  }
}

void add_service(pbf_reader service, const std::string& package, ProtoFile& file) {
  std::string name;
  while (service.next()) {
    if (service.tag() == 1) {
      name = package + "." + service.get_string();
      file.services.push_back(name);
      file.symbols.push_back(name);
    } else if (service.tag() == 2) {
      auto method = service.get_message();
      if (method.next(1)) file.symbols.push_back(name + "." + method.get_string());
    } else {
      service.skip();
    }
  }
}

ProtoFile read_file_descriptor(std::string_view bytes) {
  ProtoFile file{.name = "", .bytes = bytes, .services = {}, .symbols = {}};
  std::string package;
  pbf_reader reader(bytes.data(), bytes.size());
  while (reader.next()) {
    switch (reader.tag()) {
      case 1:
        file.name = reader.get_string();
        break;
      case 2:
        package = reader.get_string();
        break;
      case 4:
        add_symbols(reader.get_message(), package + ".", file.symbols);
        break;
      case 5: {
        auto one = reader.get_message();
        if (one.next(1)) file.symbols.push_back(package + "." + one.get_string());
        break;
      }
      case 6:
        add_service(reader.get_message(), package, file);
        break;
      default:
        reader.skip();
    }
  }
  return file;
}

const std::vector<ProtoFile>& proto_files() {
  static const std::vector<ProtoFile> files = [] {
    std::vector<ProtoFile> list;
    pbf_reader set(reinterpret_cast<const char*>(kDescriptors), sizeof kDescriptors);
    while (set.next(1)) list.push_back(read_file_descriptor(view_of(set.get_view())));
    return list;
  }();
  return files;
}

bool holds(const std::vector<std::string>& list, const std::string& one) {
  return std::find(list.begin(), list.end(), one) != list.end();
}

void write_file(pbf_writer& response, const std::string& what, const ProtoFile* file) {
  if (file) {
    pbf_writer(response, 4).add_bytes(1, file->bytes.data(), file->bytes.size());
    return;
  }
  pbf_writer error(response, 7);
  error.add_int32(1, grpc::StatusCode::NOT_FOUND);
  error.add_string(2, fmt::format("there is no {}", what));
}

/// Answers one message after the other.
class Reflection : public grpc::ServerGenericBidiReactor {
 public:
  Reflection(grpc::GenericCallbackServerContext* context, SilentCalls& silent)
      : context_(context), silent_(silent) {
    read();
  }
  void OnReadDone(bool good) override {
    silent_.remove(context_);
    if (!good) return Finish(grpc::Status::OK);
    try {
      answer_ = buffer_of(reflect(text_of(request_)));
    } catch (const std::exception& error) {
      return Finish(status_of(error));
    }
    StartWrite(&answer_);
  }
  void OnWriteDone(bool good) override {
    if (good) return read();
    Finish({grpc::StatusCode::UNAVAILABLE, "the client is gone"});
  }
  void OnDone() override { delete this; }

 private:
  void read() {
    if (silent_.add(context_)) return StartRead(&request_);
    Finish({grpc::StatusCode::UNAVAILABLE, "the server ends"});
  }

  grpc::GenericCallbackServerContext* context_;
  SilentCalls& silent_;
  grpc::ByteBuffer request_, answer_;
};

}  // namespace

bool is_reflection(std::string_view path) {
  return path == "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo" ||
         path == "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo";
}

grpc::ServerGenericBidiReactor* new_reflection(grpc::GenericCallbackServerContext* context,
                                               SilentCalls& silent) {
  return new Reflection(context, silent);
}

std::string reflect(std::string_view request) {
  std::string host, asked;
  protozero::pbf_tag_type kind = 0;
  grpc_v2::guarded([&] {
    pbf_reader reader(request.data(), request.size());
    while (reader.next()) {
      if (reader.tag() == 1) {
        host = reader.get_string();
      } else if (reader.tag() >= 3 && reader.tag() <= 7) {
        kind = reader.tag();
        asked = reader.get_string();
      } else {
        reader.skip();
      }
    }
    return 0;
  });
  const auto& files = proto_files();
  const auto find = [&](const auto& fits) -> const ProtoFile* {
    const auto found = std::find_if(files.begin(), files.end(), fits);
    return found == files.end() ? nullptr : &*found;
  };
  std::string bytes;
  pbf_writer response(bytes);
  response.add_string(1, host);
  response.add_message(2, request.data(), request.size());
  if (kind == 7) {
    pbf_writer list(response, 6);
    for (const auto& file : files)
      for (const auto& service : file.services) pbf_writer(list, 1).add_string(1, service);
  } else if (kind == 3) {
    write_file(response, "file " + asked, find([&](const auto& file) { return file.name == asked; }));
  } else if (kind == 4) {
    write_file(response, "symbol " + asked,
               find([&](const auto& file) { return holds(file.symbols, asked); }));
  } else {
    write_file(response, "extension", nullptr);  // proto3 has none
  }
  return bytes;
}

}  // namespace ringtrain
